// The part of the standard library that scripts get: nothing that reaches files, processes, byte code,
// the collector or other people's environments.
#include "bridge.h"

static void remove_global(lua_State *L, const char *name) {
  lua_pushnil(L);
  lua_setglobal(L, name);
}

// load(chunk, name, mode, environment): text only, whatever mode says.
static int load_text(lua_State *L) {
  if (lua_type(L, 1) == LUA_TFUNCTION) {
    // The pieces are joined first: no script code runs inside the compiler.
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (;;) {
      lua_pushvalue(L, 1);
      lua_call(L, 0, 1);
      size_t length = 0;
      if (lua_isnil(L, -1)) break;
      if (!lua_tolstring(L, -1, &length)) return luaL_error(L, "reader function must return a string");
      if (length == 0) break;
      luaL_addvalue(&buffer);
    }
    lua_pop(L, 1);
    luaL_pushresult(&buffer);
    lua_replace(L, 1);
  }
  size_t length;
  const char *source = luaL_checklstring(L, 1, &length);
  const char *name = luaL_optstring(L, 2, "=(load)");
  bool has_environment = !lua_isnone(L, 4);
  if (luaL_loadbufferx(L, source, length, name, "t") != LUA_OK) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_environment) {
    lua_pushvalue(L, 4);
    if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  }
  return 1;
}

// setmetatable without finalizers: they run in other people's time, and cannot be stopped.
static int set_metatable(lua_State *L) {
  if (lua_type(L, 2) == LUA_TTABLE) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "a metatable of a script cannot have __gc");
    lua_pop(L, 1);
  }
  if (lua_type(L, 1) == LUA_TTABLE && mb_is_marked(L, mb_vm_of(L), 1)) {
    // What only says that the table is an array or a map gives way.
    lua_pushnil(L);
    lua_setmetatable(L, 1);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

void mb_open_libraries(lua_State *L, mb_vm *vm) {
  (void)vm;
  static const luaL_Reg libraries[] = {{LUA_GNAME, luaopen_base},
                                       {LUA_TABLIBNAME, luaopen_table},
                                       {LUA_STRLIBNAME, luaopen_string},
                                       {LUA_MATHLIBNAME, luaopen_math},
                                       {LUA_UTF8LIBNAME, luaopen_utf8},
                                       {NULL, NULL}};
  for (const luaL_Reg *library = libraries; library->func; library++) {
    luaL_requiref(L, library->name, library->func, 1);
    lua_pop(L, 1);
  }
  static const char *const removed[] = {"collectgarbage", "dofile", "loadfile", "warn", "_VERSION", NULL};
  for (const char *const *name = removed; *name; name++) remove_global(L, *name);

  lua_register(L, "load", load_text);
  lua_getglobal(L, "setmetatable");
  lua_pushcclosure(L, set_metatable, 1);
  lua_setglobal(L, "setmetatable");
  mb_open_protection(L);
  mb_open_errors(L);

  lua_getglobal(L, "string");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  lua_pop(L, 1);
  // The metatable of strings is one for all scripts.
  lua_pushliteral(L, "");
  if (lua_getmetatable(L, -1)) {
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}
