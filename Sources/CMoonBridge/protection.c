// pcall and xpcall of scripts: what fails under them is undone, and only that.
#include "bridge.h"

// The savepoint travels as the continuation's context, so that it survives a wait.
static int finish_pcall(lua_State *L, int status, lua_KContext savepoint) {
  mb_vm *vm = mb_vm_of(L);
  mb_poll(L, vm);
  vm->stack_may_have_moved = false;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L);
  vm->callbacks.rollback(vm->callbacks.owner, (int64_t)savepoint);
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int protected_call(lua_State *L) {
  luaL_checkany(L, 1);
  mb_check_stack(L);
  mb_vm *vm = mb_vm_of(L);
  // Room for joining the error with a text afterwards.
  mb_reserve_stack(L, vm, 60);
  lua_KContext savepoint = (lua_KContext)vm->callbacks.savepoint(vm->callbacks.owner);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, savepoint, finish_pcall);
  return finish_pcall(L, status, savepoint);
}

// Stack: function, true, function, arguments...; the handler is at 2 when results come back.
static int finish_xpcall(lua_State *L, int status, lua_KContext savepoint) {
  mb_poll(L, mb_vm_of(L));
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
  return finish_pcall(L, status, savepoint);
}

// The message handler of a script. What ends a killed turn is raised by a hook, and what is called because of
// that runs without hooks: nothing could end it.
static int guarded_handler(lua_State *L) {
  if (mb_is_killed(mb_vm_of(L))) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static int protected_call_with_handler(lua_State *L) {
  int count = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  mb_check_stack(L);
  mb_vm *vm = mb_vm_of(L);
  mb_reserve_stack(L, vm, 60);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 2);
  lua_KContext savepoint = (lua_KContext)vm->callbacks.savepoint(vm->callbacks.owner);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, savepoint, finish_xpcall);
  return finish_xpcall(L, status, savepoint);
}

void mb_open_protection(lua_State *L) {
  lua_register(L, "pcall", protected_call);
  lua_register(L, "xpcall", protected_call_with_handler);
}
