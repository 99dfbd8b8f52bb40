// Calling what is no function. It fails as in any Lua, except that a store is asked what was meant by the name;
// reading a name that is not there stays nil, and costs nothing for this.
#include "bridge.h"

// What Lua's own errors call a value.
static const char *kind_of(lua_State *L, int index) {
  if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING) return lua_tostring(L, -1);
  return luaL_typename(L, index);
}

// The __call of values that are no functions: the value itself, then the arguments.
static int call_value(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_Debug call;
  bool has_name = lua_getstack(L, 0, &call) && lua_getinfo(L, "n", &call) && call.name;
  mb_object *self = has_name && call.namewhat[0] == 'm' ? mb_to_object(L, 2) : NULL;
  if (self && vm->handle_kind && self->kind == vm->handle_kind) {
    vm->callbacks.missing(vm->callbacks.owner, self, call.name);
    return mb_fail(L, vm, MB_RAISE);
  }
  const char *kind = kind_of(L, 1);
  if (!has_name) return luaL_error(L, "attempt to call a %s value", kind);
  return luaL_error(L, "attempt to call a %s value (%s '%s')", kind, call.namewhat, call.name);
}

// Gives the value on top, and all of its type, a metatable of their own, and pops it. The metatable of a basic type is
// one for all scripts.
static void open_type(lua_State *L) {
  if (!lua_getmetatable(L, -1)) {
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_setmetatable(L, -3);
  }
  lua_pushcfunction(L, call_value);
  lua_setfield(L, -2, "__call");
  lua_pop(L, 2);
}

void mb_open_missing(lua_State *L) {
  lua_pushnil(L);
  open_type(L);
  lua_pushinteger(L, 0);
  open_type(L);
  lua_pushboolean(L, 0);
  open_type(L);
  lua_pushliteral(L, "");
  open_type(L);
  // Parts of state, which a store's fields are.
  lua_rawgeti(L, LUA_REGISTRYINDEX, mb_vm_of(L)->null);
  open_type(L);
}
