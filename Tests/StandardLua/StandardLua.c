#include "StandardLua.h"

#include <lauxlib.h>
#include <lualib.h>
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

const char *standard_lua_release(void) { return LUA_RELEASE; }
