#include "StandardLua.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *standard_lua_run(const char *source) {
  lua_State *L = luaL_newstate();
  if (!L) return NULL;
  luaL_openlibs(L);
  if (luaL_loadbuffer(L, source, strlen(source), "@script") == LUA_OK) lua_pcall(L, 0, 1, 0);
  const char *text = lua_tostring(L, -1);
  char *copy = strdup(text ? text : "(no text)");
  lua_close(L);
  return copy;
}

bool standard_lua_compiles(const char *source, size_t length, char *message, size_t size) {
  lua_State *L = luaL_newstate();
  if (!L) return false;
  bool compiles = luaL_loadbufferx(L, source, length, "@script", "t") == LUA_OK;
  if (!compiles) {
    const char *text = lua_tostring(L, -1);
    snprintf(message, size, "%s", text ? text : "(no text)");
  }
  lua_close(L);
  return compiles;
}

const char *standard_lua_release(void) { return LUA_RELEASE; }
