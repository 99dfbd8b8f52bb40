// The system's Lua 5.4, as pkg-config finds it.
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
