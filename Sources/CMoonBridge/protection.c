// pcall and xpcall of scripts: what fails under them is undone, and only that.
#include "bridge.h"

// Undoes what the running coroutine has done since `savepoint`, which it took in the stretch `serial`; if that is
// over, what it has done in this one.
static void roll_back(mb_vm *vm, uint64_t serial, int64_t savepoint) {
  const mb_stretch *stretch = vm->stretch;
  vm->callbacks.rollback(vm->callbacks.owner, stretch->serial == serial ? savepoint : stretch->savepoint);
}

// Stack: the message handler, the serial of the stretch that the call began in, true, and then results or the error.
// The savepoint travels as the continuation's context; it can outlive the stretch, for the coroutine may yield or
// wait in between.
static int finish_pcall(lua_State *L, int status, lua_KContext savepoint) {
  mb_vm *vm = mb_vm_of(L);
  mb_poll(L, vm);
  vm->stack_may_have_moved = false;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
  mb_note_caught(L, vm, status);
  mb_note_return(vm);
  roll_back(vm, (uint64_t)lua_tointeger(L, 2), (int64_t)savepoint);
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
  lua_pushcfunction(L, mb_place_raised);
  lua_pushinteger(L, (lua_Integer)vm->stretch->serial);
  lua_pushboolean(L, 1);
  lua_rotate(L, 1, 3);
  int open = mb_open_call_count(vm);
  int status = lua_pcallk(L, lua_gettop(L) - 4, LUA_MULTRET, 1, savepoint, finish_pcall);
  mb_end_call(vm, open);
  return finish_pcall(L, status, savepoint);
}

// The message handler of a script. What ends a killed turn is raised by a hook, and what is called because of
// that runs without hooks: nothing could end it.
static int guarded_handler(lua_State *L) {
  if (mb_is_killed(mb_vm_of(L))) return 1;
  mb_place_raised(L);
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
  lua_KContext savepoint = (lua_KContext)vm->callbacks.savepoint(vm->callbacks.owner);
  // From the function, its handler and the arguments to the handler, the serial, true, the function and the arguments.
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 1);
  lua_pushinteger(L, (lua_Integer)vm->stretch->serial);
  lua_replace(L, 2);
  lua_pushboolean(L, 1);
  lua_insert(L, 3);
  lua_insert(L, 4);
  int open = mb_open_call_count(vm);
  int status = lua_pcallk(L, count - 2, LUA_MULTRET, 1, savepoint, finish_pcall);
  mb_end_call(vm, open);
  return finish_pcall(L, status, savepoint);
}

void mb_open_protection(lua_State *L) {
  lua_register(L, "pcall", protected_call);
  lua_register(L, "xpcall", protected_call_with_handler);
}
