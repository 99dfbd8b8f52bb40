#include "reference.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reference {
  lua_State *lua;
  char error[512];
};

static int now(lua_State *L) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  lua_pushnumber(L, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec * 1e-9);
  return 1;
}

static int open_libraries(lua_State *L) {
  luaL_openlibs(L);
  lua_register(L, "now", now);
  return 0;
}

reference *reference_open(void) {
  reference *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->lua = luaL_newstate();
  if (self->lua) {
    lua_pushcfunction(self->lua, open_libraries);
    if (lua_pcall(self->lua, 0, 0, 0) == LUA_OK) return self;
    lua_close(self->lua);
  }
  free(self);
  return NULL;
}

void reference_close(reference *self) {
  lua_close(self->lua);
  free(self);
}

const char *reference_error(reference *self) { return self->error; }

// Keeps the message that stands on top of the stack, and empties that.
static bool failed(reference *self) {
  const char *message = lua_tostring(self->lua, -1);
  strncpy(self->error, message ? message : "an error that is no text", sizeof self->error - 1);
  lua_settop(self->lua, 0);
  return false;
}

bool reference_load(reference *self, const char *path) {
  if (luaL_loadfile(self->lua, path) != LUA_OK) return failed(self);
  if (lua_pcall(self->lua, 0, 0, 0) != LUA_OK) return failed(self);
  return true;
}

bool reference_compile(reference *self, const char *text, size_t length) {
  if (luaL_loadbufferx(self->lua, text, length, "=text", "t") != LUA_OK) return failed(self);
  lua_settop(self->lua, 0);
  return true;
}

// What `list[name]` is, in protected mode.
static int find(lua_State *L) {
  lua_getglobal(L, lua_tostring(L, 1));
  if (lua_type(L, -1) != LUA_TTABLE || lua_getfield(L, -1, lua_tostring(L, 2)) == LUA_TNIL)
    return luaL_error(L, "%s.%s: there is no such thing", lua_tostring(L, 1), lua_tostring(L, 2));
  return 1;
}

static bool push(reference *self, const char *list, const char *name) {
  lua_pushcfunction(self->lua, find);
  lua_pushstring(self->lua, list);
  lua_pushstring(self->lua, name);
  return lua_pcall(self->lua, 2, 1, 0) == LUA_OK || failed(self);
}

bool reference_loop(reference *self, const char *name, int64_t count, double *result) {
  if (!push(self, "loops", name)) return false;
  lua_pushinteger(self->lua, count);
  if (lua_pcall(self->lua, 1, 1, 0) != LUA_OK) return failed(self);
  *result = lua_tonumber(self->lua, -1);
  lua_settop(self->lua, 0);
  return true;
}

bool reference_steps(reference *self, const char *name, int64_t count, double *result) {
  lua_State *L = self->lua;
  if (!push(self, "steps", name)) return false;
  int steps = (int)lua_rawlen(L, 1);
  luaL_checkstack(L, steps + 8, NULL);
  for (int step = 1; step <= steps; step++) lua_rawgeti(L, 1, step);
  for (int64_t round = 0; round < count; round++) {
    for (int step = 1; step <= steps; step++) {
      lua_pushvalue(L, 1 + step);
      if (lua_pcall(L, 0, 1, 0) != LUA_OK) return failed(self);
      if (step == steps) *result = lua_tonumber(L, -1);
      lua_pop(L, 1);
    }
  }
  lua_settop(L, 0);
  return true;
}

size_t reference_bytes(reference *self) {
  lua_gc(self->lua, LUA_GCCOLLECT);
  lua_gc(self->lua, LUA_GCCOLLECT);
  return (size_t)lua_gc(self->lua, LUA_GCCOUNT) * 1024 + (size_t)lua_gc(self->lua, LUA_GCCOUNTB);
}
