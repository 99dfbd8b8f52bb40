// Calling nil. It fails as in any Lua, except that a store is asked what was meant by the name; reading a
// name that is not there stays nil, and costs nothing for this.
#include "bridge.h"

// The __call of nil: nil itself, then the arguments.
static int call_nil(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_Debug call;
  if (!lua_getstack(L, 0, &call) || !lua_getinfo(L, "n", &call) || !call.name)
    return luaL_error(L, "attempt to call a nil value");
  mb_object *self = mb_to_object(L, 2);
  if (self && vm->handle_kind && self->kind == vm->handle_kind && call.namewhat[0] == 'm') {
    vm->callbacks.missing(vm->callbacks.owner, self, call.name);
    return mb_fail(L, vm, MB_RAISE);
  }
  return luaL_error(L, "attempt to call a nil value (%s '%s')", call.namewhat, call.name);
}

void mb_open_missing(lua_State *L) {
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, call_nil);
  lua_setfield(L, -2, "__call");
  // The metatable of nil is one for all scripts.
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}
