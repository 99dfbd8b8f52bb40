// Runs: pooled coroutines in which actions, handlers and drivers run, and from which they can wait.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

static int make_coroutine(lua_State *L) {
  mb_run *run = lua_touserdata(L, 1);
  run->co = lua_newthread(L);
  run->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

mb_run *mb_run_new(mb_vm *vm) {
  mb_run *run = vm->pool;
  if (run) {
    vm->pool = run->next;
    return run;
  }
  run = calloc(1, sizeof *run);
  if (!run) return NULL;
  run->vm = vm;
  lua_State *L = vm->L;
  if (lua_checkstack(L, 4)) {
    lua_pushcfunction(L, make_coroutine);
    lua_pushlightuserdata(L, run);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) {
      run->next_of_all = vm->runs;
      vm->runs = run;
      return run;
    }
    lua_pop(L, 1);
  }
  free(run);
  return NULL;
}

// Its coroutine stays as it is, whatever that is.
static int32_t end_killed(mb_run *run, bool is_entered) {
  mb_vm *vm = run->vm;
  vm->suspending = false;
  run->killed = mb_is_killed(vm);
  run->results = 0;
  mb_report_kill(vm);
  mb_mark_killed(run->co);
  if (is_entered) mb_leave(vm);
  return run->status = MB_RUN_FAILED;
}

// `savepoint` tells how far the turn has come, for a run that goes on; one that begins has no older savepoints.
static int32_t resume_from(mb_run *run, int count, int64_t savepoint) {
  mb_vm *vm = run->vm;
  if (mb_is_killed(vm)) return end_killed(run, false);
  mb_stretch stretch = {
      .serial = ++vm->stretches, .savepoint = savepoint, .co = run->co, .run = run, .outer = vm->stretch};
  vm->stretch = &stretch;
  int group_base = vm->group_base, groups = vm->group_count;
  vm->group_base = groups;
  mb_run *current = vm->current;
  lua_State *running = vm->running;
  vm->current = run;
  bool blocked = vm->blocked;
  vm->running = run->co;
  vm->blocked = false;
  mb_enter(vm);
  int results = 0;
  int open = mb_begin_call(vm, -1);
  int status = mb_resume(run->co, running, count, &results);
  mb_end_call(vm, open);
  vm->blocked = blocked;
  vm->resume_raises = false;
  vm->current = current;
  vm->running = running;
  vm->stretch = stretch.outer;
  // What was killed has not ended its groups.
  vm->group_count = groups;
  vm->group_base = group_base;
  if (!mb_is_killed(vm)) {
    if (status == LUA_OK) {
      mb_leave(vm);
      run->results = results;
      return run->status = MB_RUN_DONE;
    }
    if (status == LUA_YIELD && vm->suspending) {
      mb_leave(vm);
      vm->suspending = false;
      return run->status = MB_RUN_WAITING;
    }
    // The stack of a failed coroutine still stands, so the traceback can be taken; then its pending
    // __close handlers run, still as a part of what failed. The error value is what stays.
    mb_note_error(vm, run->co, 0);
    mb_reset(vm, run->co);
  } else if (status != LUA_OK && status != LUA_YIELD) {
    mb_note_kill(run->co, vm);
  }
  run->results = 0;
  if (mb_is_killed(vm)) return end_killed(run, true);
  mb_leave(vm);
  return run->status = MB_RUN_FAILED;
}

static int32_t resume(mb_run *run, int count) { return resume_from(run, count, -1); }

static int32_t go_on(mb_run *run, int count) {
  mb_vm *vm = run->vm;
  return resume_from(run, count, vm->callbacks.savepoint(vm->callbacks.owner));
}

// Fails before it has run: what its coroutine still held is ended.
static int32_t refuse(mb_run *run, size_t base, const char *reason) {
  mb_tokens_truncate(run->vm, base);
  if (lua_status(run->co) != LUA_OK) mb_reset(run->vm, run->co);
  lua_settop(run->co, 0);
  run->results = 0;
  run->refusal = reason;
  return run->status = MB_RUN_FAILED;
}

static bool all_plain(const mb_vm *vm, size_t base) {
  for (size_t i = base; i < vm->token_count; i++) {
    uint32_t tag = vm->tokens[i].tag;
    if (tag > MB_NULL || tag == MB_STRING) return false;
  }
  return true;
}

static int finish(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

// The first function of a run whose arguments need memory: they are made here, where raising is safe.
static int start_with_tokens(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t at = vm->entry.base, end = vm->entry.count;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  int count = 0;
  if (vm->entry.self.tag == MB_REFERENCE) {
    mb_push_value(L, vm, &vm->entry.self);
    count = 1;
  }
  for (; at < end; count++) {
    luaL_checkstack(L, 4, "too many arguments");
    at = mb_decode(L, vm, at, vm->entry.base);
  }
  mb_tokens_truncate(vm, vm->entry.base);
  lua_callk(L, count, LUA_MULTRET, 0, finish);
  return lua_gettop(L);
}

static int32_t start(mb_run *run, int32_t function, size_t base, int handle) {
  mb_vm *vm = run->vm;
  lua_State *co = run->co;
  size_t count = vm->token_count - base;
  if (!lua_checkstack(co, 8 + (int)(count < 200 ? count : 200)))
    return refuse(run, base, "too many arguments");
  if (count < 200 && all_plain(vm, base)) {
    lua_rawgeti(co, LUA_REGISTRYINDEX, function);
    if (handle) lua_rawgeti(co, LUA_REGISTRYINDEX, handle);
    for (size_t i = 0; i < count; i++) mb_push_plain(co, &vm->tokens[base + i]);
    mb_tokens_truncate(vm, base);
    return resume(run, (int)count + (handle ? 1 : 0));
  }
  vm->entry.function = function;
  vm->entry.base = base;
  vm->entry.count = vm->token_count;
  vm->entry.self.tag = MB_NIL;
  if (handle) vm->entry.self = (mb_value){.tag = MB_REFERENCE, .bits = handle};
  lua_pushcfunction(co, start_with_tokens);
  int32_t status = resume(run, 0);
  // They are still there when it failed before it had read them.
  if (vm->token_count > base) mb_tokens_truncate(vm, base);
  return status;
}

int32_t mb_run_start(mb_run *run, int32_t function, size_t base) {
  run->own_calls = 1;
  run->is_action = false;
  return start(run, function, base, 0);
}

// There is no function for callers of the action, and it could not be made.
static int32_t refuse_action(mb_run *run, size_t base) {
  mb_tokens_truncate(run->vm, base);
  if (mb_is_killed(run->vm)) return end_killed(run, false);
  return refuse(run, base, "there is no memory for the function of an action");
}

int32_t mb_run_start_action(mb_run *run, int32_t action, size_t base) {
  mb_action_entry *entry = &run->vm->actions[action];
  run->is_action = true;
  // The common case needs no frame between the coroutine and the script's function.
  if (entry->flags & (MB_ACTION_HOOKED | MB_ACTION_NATIVE)) {
    if (mb_action_own(run->vm, action) != 0) return refuse_action(run, base);
    run->own_calls = 1;
    return start(run, entry->closure, base, entry->handle);
  }
  run->own_calls = 0;
  return start(run, entry->function, base, entry->flags & MB_ACTION_TAKES_SELF ? entry->handle : 0);
}

int32_t mb_run_start_driven(mb_run *run, int32_t action) {
  mb_vm *vm = run->vm;
  int count = vm->driver_arguments;
  if (!lua_checkstack(run->co, count + 8)) return refuse(run, vm->token_count, "too many arguments");
  size_t base = vm->token_count;
  if (mb_action_own(vm, action) != 0) return refuse_action(run, base);
  lua_rawgeti(run->co, LUA_REGISTRYINDEX, vm->actions[action].closure);
  lua_xmove(vm->driver, run->co, count);
  run->own_calls = 1;
  run->is_action = true;
  return resume(run, count);
}

int32_t mb_run_resume(mb_run *run, size_t base) {
  mb_vm *vm = run->vm;
  size_t count = vm->token_count - base;
  if (count > INT32_MAX / 2 || !lua_checkstack(run->co, (int)count + 4))
    return refuse(run, base, "too many results");
  if (all_plain(vm, base)) {
    for (size_t i = 0; i < count; i++) mb_push_plain(run->co, &vm->tokens[base + i]);
    mb_tokens_truncate(vm, base);
    return go_on(run, (int)count);
  }
  // Values that need memory are made on the main coroutine, in protected mode, and moved.
  int made = mb_make_values(vm, base);
  mb_tokens_truncate(vm, base);
  if (made < 0) return refuse(run, base, "the results are too many, or nested too deeply");
  lua_xmove(vm->L, run->co, made);
  return go_on(run, made);
}

int32_t mb_run_resume_error(mb_run *run) {
  mb_vm *vm = run->vm;
  if (!lua_checkstack(run->co, 4) || mb_make_error(vm) != 1)
    return refuse(run, vm->token_count, "there is no memory for an error");
  lua_xmove(vm->L, run->co, 1);
  vm->resume_raises = true;
  return go_on(run, 1);
}

int32_t mb_run_resume_from(mb_run *run, mb_run *other, bool failed) {
  int count = failed ? 1 : other->results;
  if (!lua_checkstack(run->co, count + 4))
    return refuse(run, run->vm->token_count, "too many results");
  lua_xmove(other->co, run->co, count);
  run->vm->resume_raises = failed;
  return go_on(run, count);
}

int32_t mb_run_killed(const mb_run *run) { return run->killed; }
int32_t mb_run_result_count(const mb_run *run) { return run->results; }

int32_t mb_run_take_results(mb_run *run, int32_t tables) {
  mb_vm *vm = run->vm;
  size_t base = vm->token_count;
  if (run->results > MB_MAX_RESULTS) {
    return mb_append_error(vm, "too many results", false);
  }
  for (int i = 1; i <= run->results; i++) {
    if (tables == MB_AS_REFERENCE) {
      if (mb_reference_from(vm, run->co, i) == 0) continue;
      mb_tokens_truncate(vm, base);
      return mb_append_error(vm, "too many results", false);
    }
    const char *reason;
    if (!mb_encode(run->co, vm, i, false, &reason)) {
      mb_tokens_truncate(vm, base);
      char text[512];
      snprintf(text, sizeof text, "result %d%s%.300s: %s", i, vm->text_length ? " at " : "",
               vm->text ? vm->text : "", reason);
      return mb_append_error(vm, text, true);
    }
  }
  return 0;
}

void mb_run_take_error(mb_run *run) {
  mb_vm *vm = run->vm;
  if (lua_gettop(run->co) == 0) {
    const char *text = run->refusal ? run->refusal
                                    : "the coroutine could not go on: its stack is full";
    mb_append_error(vm, text, false);
    return;
  }
  // The value stays where it is: a driver may still get it.
  lua_pushvalue(run->co, -1);
  mb_take_error(run->co, vm);
}

int32_t mb_append_driver_arguments(mb_vm *vm) {
  int count = vm->driver ? vm->driver_arguments : 0;
  for (int i = 2; i <= count; i++) {
    size_t base = vm->token_count;
    const char *reason;
    if (mb_encode(vm->driver, vm, i, false, &reason)) continue;
    mb_tokens_truncate(vm, base);
    mb_token_append(vm, (mb_value){.tag = MB_NIL}, false);
  }
  return count > 1 ? count - 1 : 0;
}

void mb_set_driven(mb_vm *vm, mb_run *run) { vm->driven = run; }

static void drop(mb_run *run) {
  mb_vm *vm = run->vm;
  mb_run **place = &vm->runs;
  while (*place != run) place = &(*place)->next_of_all;
  *place = run->next_of_all;
  mb_release_reference(vm, run->anchor);
  free(run);
}

void mb_run_release(mb_run *run) {
  mb_vm *vm = run->vm;
  // Runs the pending __close handlers, in protected mode.
  if (!run->killed && lua_status(run->co) != LUA_OK) {
    mb_enter(vm);
    mb_cancel(vm, run->co);
    run->killed = mb_is_killed(vm);
    mb_leave(vm);
  }
  if (run->killed) return drop(run);
  lua_settop(run->co, 0);
  run->status = MB_RUN_DONE;
  run->results = 0;
  run->refusal = NULL;
  run->wait_refusal = 0;
  run->waited_calls = 0;
  run->owns_turn = 0;
  run->next = vm->pool;
  vm->pool = run;
}

// Whether the one result of a run that has ended, or none, can be handed over without a token.
static bool take_scalar(mb_run *run, mb_value *result) {
  lua_State *co = run->co;
  *result = (mb_value){.tag = MB_NIL};
  if (run->results == 0) return true;
  if (run->results > 1) return false;
  switch (lua_type(co, -1)) {
    case LUA_TNIL: return true;
    case LUA_TBOOLEAN:
      result->tag = lua_toboolean(co, -1) ? MB_TRUE : MB_FALSE;
      return true;
    case LUA_TNUMBER:
      if (lua_isinteger(co, -1)) {
        result->tag = MB_INTEGER;
        result->bits = lua_tointeger(co, -1);
      } else {
        double number = lua_tonumber(co, -1);
        result->tag = MB_NUMBER;
        memcpy(&result->bits, &number, sizeof number);
      }
      return true;
    default: return false;
  }
}

int32_t mb_run_once(mb_vm *vm, mb_beginning beginning, mb_value *result, mb_run **kept) {
  mb_run *run = mb_run_new(vm);
  *kept = run;
  if (!run) {
    mb_tokens_truncate(vm, beginning.base);
    return MB_RUN_NONE;
  }
  run->owns_turn = beginning.owns_turn;
  run->wait_refusal = beginning.wait_refusal;
  int32_t status = beginning.is_action ? mb_run_start_action(run, beginning.function, beginning.base)
                                       : mb_run_start(run, beginning.function, beginning.base);
  if (status != MB_RUN_DONE) return status;
  if (!beginning.gives_result)
    *result = (mb_value){.tag = MB_NIL};
  else if (!take_scalar(run, result))
    return status;
  *kept = NULL;
  mb_run_release(run);
  return status;
}

bool mb_running_place(mb_vm *vm, const char *wanted, char *source, size_t size, int32_t *line) {
  lua_Debug place;
  for (int level = 0; vm->running && lua_getstack(vm->running, level, &place); level++) {
    lua_getinfo(vm->running, "Sl", &place);
    if (place.source[0] != '@' || (wanted && strcmp(place.source + 1, wanted) != 0)) continue;
    snprintf(source, size, "%s", place.source + 1);
    *line = place.currentline;
    return true;
  }
  return false;
}

int32_t mb_wait_refusal(const mb_vm *vm) {
  if (vm->group_count > vm->group_base) return MB_WAIT_GROUP;
  if (vm->current && vm->current->wait_refusal) return vm->current->wait_refusal;
  bool can = vm->running && vm->running != vm->L && !vm->blocked && lua_isyieldable(vm->running);
  return can ? 0 : MB_WAIT_BLOCKED;
}

void mb_run_refuse_waits(mb_run *run, int32_t refusal) { run->wait_refusal = refusal; }
void mb_run_set_owns_turn(mb_run *run, bool owns) { run->owns_turn = owns ? 1 : -1; }

// Levels of one stack that are looked at: each look goes through all those above.
#define USED_LEVELS 1000

// Whether the function on top, which is popped, has this table as its globals.
static bool has_globals(lua_State *co, const void *globals) {
  bool found = false;
  if (!lua_iscfunction(co, -1)) {
    const char *name;
    for (int i = 1; !found && (name = lua_getupvalue(co, -1, i)); i++) {
      found = strcmp(name, "_ENV") == 0 && lua_topointer(co, -1) == globals;
      lua_pop(co, 1);
    }
  }
  lua_pop(co, 1);
  return found;
}

bool mb_run_uses(mb_run *run, const void *globals) {
  if (!globals || run->killed) return false;
  for (lua_State *co = run->co; co; co = mb_waiting_inner(co)) {
    lua_Debug place;
    if (!lua_checkstack(co, 2)) return false;
    for (int level = 0; level < USED_LEVELS && lua_getstack(co, level, &place); level++) {
      lua_getinfo(co, "f", &place);
      if (has_globals(co, globals)) return true;
    }
  }
  return false;
}
