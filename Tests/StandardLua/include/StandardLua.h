// The system's Lua with its own libraries, for tests that compare ours with them.
#ifndef STANDARD_LUA_H
#define STANDARD_LUA_H

#include <stdbool.h>
#include <stddef.h>

// Runs a chunk and gives the text that it returns, or that of its error; the caller frees it.
char *standard_lua_run(const char *source);
// Whether Lua compiles a text; otherwise its message is written to `message`.
bool standard_lua_compiles(const char *source, size_t length, char *message, size_t size);
// What the linked library is, such as "Lua 5.4.4" (of the header that this was compiled with).
const char *standard_lua_release(void);

#endif
