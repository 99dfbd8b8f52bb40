// The virtual machine: memory, creation and end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

static void *allocate(void *context, void *block, size_t old_size, size_t new_size) {
  mb_vm *vm = context;
  // For a new block Lua passes its type in `old_size`.
  size_t held = block ? old_size : 0;
  if (new_size == 0) {
    free(block);
    vm->memory -= held;
    return NULL;
  }
  // Making a block smaller never fails.
  if (new_size > held && vm->memory + (new_size - held) > vm->threshold &&
      mb_over_quota(vm, block, old_size, held, new_size))
    return NULL;
  void *result = realloc(block, new_size);
  if (!block) mb_note_new_block(vm, old_size, new_size);
  if (result) {
    vm->memory += new_size - held;
    if (vm->memory > vm->quota && vm->memory > vm->peak) vm->peak = vm->memory;
  }
  return result;
}

static int panic(lua_State *L) {
  // Every entry is protected, so this cannot be reached; if it is, the state cannot be trusted.
  const char *message = lua_tostring(L, -1);
  fprintf(stderr, "moonstore: unprotected error in Lua: %s\n", message ? message : "(no text)");
  abort();
}

static int open_machine(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_open_concatenation(L, vm);
  mb_open_libraries(L, vm);
  mb_open_objects(L, vm);
  mb_open_coroutines(L);
  mb_open_missing(L);
  return 0;
}

mb_vm *mb_vm_new(const mb_callbacks *callbacks) {
  mb_vm *vm = calloc(1, sizeof *vm);
  if (!vm) return NULL;
  vm->callbacks = *callbacks;
  vm->action_last = -1;
  vm->kill.action = -1;
  mb_vm_set_memory(vm, 0);
  lua_State *L = lua_newstate(allocate, vm);
  if (!L) {
    free(vm);
    return NULL;
  }
  vm->L = L;
  vm->base.co = L;
  vm->stretch = &vm->base;
  // New coroutines get a copy of the main one's extra space, so that all of them know their machine.
  *(mb_vm **)lua_getextraspace(L) = vm;
  lua_atpanic(L, panic);
  lua_pushcfunction(L, open_machine);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    mb_vm_close(vm);
    mb_vm_free(vm);
    return NULL;
  }
  return vm;
}

void mb_vm_close(mb_vm *vm) {
  if (!vm->L) return;
  mb_unwatch(vm);
  mb_vm_set_memory(vm, 0);
  mb_run *run = vm->runs;
  while (run) {
    mb_run *next = run->next_of_all;
    free(run);
    run = next;
  }
  vm->pool = vm->runs = NULL;
  mb_tokens_truncate(vm, 0);
  lua_close(vm->L);
  vm->L = NULL;
  mb_set_error(vm, NULL);
}

int32_t mb_vm_killed(const mb_vm *vm) { return mb_is_killed(vm); }
bool mb_vm_is_entered(const mb_vm *vm) { return vm->entered > 0; }

void mb_vm_free(mb_vm *vm) {
  mb_arena_chunk *chunk = vm->arena;
  while (chunk) {
    mb_arena_chunk *next = chunk->next;
    free(chunk);
    chunk = next;
  }
  free(vm->tokens);
  free(vm->scratch);
  free(vm->text);
  free(vm->traceback);
  free(vm->error_text);
  free(vm->released);
  free(vm->carried);
  free(vm->actions);
  free(vm->ended);
  mb_free_stacks(vm);
  free(vm->groups);
  free(vm);
}

size_t mb_vm_memory(const mb_vm *vm) { return vm->memory; }
size_t mb_vm_peak(const mb_vm *vm) { return vm->peak; }

const char *mb_lua_release(void) { return LUA_RELEASE; }
int32_t mb_lua_release_number(void) { return LUA_VERSION_RELEASE_NUM; }

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  return 0;
}

void mb_vm_collect(mb_vm *vm) {
  if (!lua_checkstack(vm->L, 2)) return;
  lua_pushcfunction(vm->L, collect);
  if (lua_pcall(vm->L, 0, 0, 0) != LUA_OK) lua_pop(vm->L, 1);
}

bool mb_vm_is_driving(const mb_vm *vm) { return vm->driving; }
void mb_vm_set_driving(mb_vm *vm, bool driving) { vm->driving = driving; }
void mb_set_shortcuts(mb_vm *vm, const mb_shortcuts *shortcuts) {
  vm->shortcuts = shortcuts ? *shortcuts : (mb_shortcuts){.kinds = 0};
}
void mb_set_handle_kind(mb_vm *vm, uint16_t kind) { vm->handle_kind = kind; }
void mb_set_table_kinds(mb_vm *vm, uint32_t kinds) { vm->table_kinds = kinds; }
void mb_set_live_kinds(mb_vm *vm, uint32_t kinds) { vm->live_kinds = kinds; }
