// The part of the standard library that scripts get: nothing that reaches files, processes, byte code,
// the collector or other people's environments.
#include "bridge.h"

// Whether the table has what an upvalue names as a field.
static bool has_upvalue(lua_State *L, int table, int upvalue) {
  lua_pushvalue(L, lua_upvalueindex(upvalue));
  bool has = lua_rawget(L, table) != LUA_TNIL;
  lua_pop(L, 1);
  return has;
}

// setmetatable without finalizers: they run in other people's time, and cannot be stopped. Lua arms one only
// when the metatable is set, so that adding the field later has no effect. Nor has it for __concat where Lua
// does that wrong; see concatenation.c.
// (Upvalues: "__gc" and "__concat", so that looking for them costs next to nothing.)
static int base_setmetatable(lua_State *L) {
  int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (type == LUA_TTABLE && has_upvalue(L, 2, 1)) mb_check_metatable(L, 2);
  mb_check_unprotected(L, 1);
  lua_settop(L, 2);
  mb_vm *vm = mb_vm_of(L);
  if (type == LUA_TTABLE && vm->concat_event && has_upvalue(L, 2, 2)) mb_allow_concat(L, vm);
  lua_setmetatable(L, 1);
  return 1;
}

// Everything that sets a metatable asks this first. What only says that a table is an array or a map gives way.
void mb_check_unprotected(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (!lua_getmetatable(L, index)) return;
  lua_pushliteral(L, "__metatable");
  if (lua_rawget(L, -2) != LUA_TNIL && !mb_is_marked(L, mb_vm_of(L), index))
    luaL_error(L, "cannot change a protected metatable");
  lua_pop(L, 2);
}

void mb_check_metatable(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_pushliteral(L, "__gc");
  if (lua_rawget(L, index) != LUA_TNIL) luaL_error(L, "a metatable of a script cannot have __gc");
  lua_pop(L, 1);
}

// rawset that respects what is frozen: the libraries that all scripts share are tables whose metatables say
// so.
static int base_rawset(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  lua_settop(L, 3);
  if (lua_getmetatable(L, 1)) {
    lua_pushliteral(L, "__frozen");
    if (lua_rawget(L, -2) != LUA_TNIL) return luaL_error(L, "a frozen table cannot be changed");
    lua_settop(L, 3);
  }
  lua_rawset(L, 1);
  return 1;
}

void mb_open_libraries(lua_State *L, mb_vm *vm) {
  luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
  lua_pop(L, 2);
  static const char *const removed[] = {"collectgarbage", "dofile", "loadfile", "warn", "_VERSION", NULL};
  for (const char *const *name = removed; *name; name++) {
    lua_pushnil(L);
    lua_setglobal(L, *name);
  }
  lua_pushliteral(L, "__gc");
  lua_pushliteral(L, "__concat");
  lua_pushcclosure(L, base_setmetatable, 2);
  lua_setglobal(L, "setmetatable");
  lua_register(L, "rawset", base_rawset);
  mb_open_strings(L);
  mb_open_tables(L);
  mb_open_utf8(L);
  mb_open_names(L, vm);
  mb_open_loading(L);
  mb_open_protection(L);
  mb_open_errors(L);
}
