// Groups: what is explicitly one transaction, and what is one patch of a store.
//
// A group belongs to the C frame that has begun it, and ends with it: nothing waits or yields out of it. The frame
// has a continuation only because `__concat` leaves and comes back on some versions of Lua (see concatenation.c).
// What is killed does not come by here; the host ends the groups of what it kills, and the entries of this target
// forget them.
#include <stdlib.h>

#include "bridge.h"

int mb_refuse_wait(lua_State *L, int32_t refusal) {
  if (refusal == MB_WAIT_CALLER) return luaL_error(L, "cannot wait: Swift code that does not wait has called this");
  return luaL_error(L, "what is one transaction cannot wait; wait before or after transaction() or store.patch()");
}

// -- Who may commit ---------------------------------------------------------------------------------

int32_t mb_count_calls(const mb_vm *vm, int32_t *innermost) {
  *innermost = -1;
  int32_t count = 0;
  int looked_at = 0;
  for (const mb_stretch *stretch = vm->stretch; stretch; stretch = stretch->outer) {
    lua_State *co = stretch->co;
    lua_Debug place;
    for (int level = 0; lua_getstack(co, level, &place); level++) {
      // Each look goes through all levels above.
      if (++looked_at > MB_MAX_CALLS || !lua_checkstack(co, 2)) return MB_MAX_CALLS + 1;
      int32_t action = mb_action_of(co, &place);
      if (action >= 0 && count++ == 0) *innermost = action;
    }
    if (stretch->run) break;
  }
  return count;
}

void mb_forget_calls(mb_vm *vm) {
  int32_t innermost, count = mb_count_calls(vm, &innermost);
  if (count > MB_MAX_CALLS) count = 0;
  lua_Debug place;
  lua_State *co = vm->stretch->co;
  // The call that ends asks from its own frame.
  if (count > 0 && lua_getstack(co, 0, &place) && lua_checkstack(co, 2) && mb_action_of(co, &place) >= 0) count--;
  if (count < vm->current->waited_calls) vm->current->waited_calls = count;
}

int32_t mb_commit_refusal(const mb_vm *vm, int32_t *action) {
  const mb_run *run = vm->current;
  *action = -1;
  if (!run || !(run->owns_turn ? run->owns_turn > 0 : run->is_action)) return MB_COMMIT_PART;
  int32_t count = mb_count_calls(vm, action);
  // What was there when the run waited has nothing left that is not final.
  if (count <= run->own_calls || count <= run->waited_calls) return 0;
  return MB_COMMIT_CALLEE;
}

// -- Groups -----------------------------------------------------------------------------------------

static int finish_values(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  // All but the object.
  return lua_gettop(L) - 1;
}

// Stack: the object of a patch or nil, the function, its arguments...
static int begin_group(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  if (vm->group_count == vm->group_capacity) {
    int capacity = vm->group_capacity * 2 + 8;
    lua_State **groups = realloc(vm->groups, (size_t)capacity * sizeof *groups);
    if (!groups) return luaL_error(L, "there is no memory for a transaction");
    vm->groups = groups;
    vm->group_capacity = capacity;
  }
  mb_object *object = mb_to_object(L, 1);
  mb_value target = {.tag = MB_NIL};
  int32_t status = vm->callbacks.begin_group(vm->callbacks.owner, object, &target);
  if (status < 0) return mb_fail(L, vm, status);
  vm->groups[vm->group_count++] = L;
  int count = lua_gettop(L) - 2;
  if (object) {
    mb_push_value(L, vm, &target);
    count++;
  }
  lua_callk(L, count, LUA_MULTRET, 0, finish_values);
  return finish_values(L, LUA_OK, 0);
}

// (Context: how many groups were open before.)
static int finish_group(lua_State *L, int status, lua_KContext before) {
  mb_vm *vm = mb_vm_of(L);
  mb_poll(L, vm);
  vm->stack_may_have_moved = false;
  bool has_failed = status != LUA_OK && status != LUA_YIELD;
  bool was_begun = vm->group_count > (int)before;
  vm->group_count = (int)before;
  if (has_failed) mb_note_return(vm);
  int32_t ended = was_begun ? vm->callbacks.end_group(vm->callbacks.owner, !has_failed) : 0;
  if (has_failed) return lua_error(L);
  if (ended < 0) return mb_fail(L, vm, ended);
  mb_poll(L, vm);
  return lua_gettop(L);
}

static int call_group(lua_State *L, mb_vm *vm) {
  mb_check_stack(L);
  mb_reserve_stack(L, vm, 60);
  lua_pushcfunction(L, begin_group);
  lua_insert(L, 1);
  int before = vm->group_count;
  int status = lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, before, finish_group);
  return finish_group(L, status, before);
}

static int transaction(lua_State *L) {
  if (!lua_isfunction(L, 1)) return mb_refuse_argument(L, "transaction", 1, "a function");
  lua_pushnil(L);
  lua_insert(L, 1);
  return call_group(L, mb_vm_of(L));
}

static int patch(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  const mb_object *object = mb_to_object(L, 1);
  if (!object || object->kind != vm->handle_kind) return mb_refuse_argument(L, "store.patch", 1, "a store");
  lua_settop(L, 2);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  return call_group(L, vm);
}

static int do_make_groups(lua_State *L) {
  lua_pushcfunction(L, transaction);
  mb_encode_reference(L, mb_vm_of(L), -1);
  lua_pushcfunction(L, patch);
  mb_encode_reference(L, mb_vm_of(L), -1);
  return 0;
}

int32_t mb_make_groups(mb_vm *vm) { return mb_protect(vm, do_make_groups); }
