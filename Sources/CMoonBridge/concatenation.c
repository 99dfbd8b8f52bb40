// `__concat` on a Lua whose luaV_concat is broken.
//
// Debian's 5.4.4-3 took upstream's change 42d40581 without the one that mends it (603b2c64): after a
// `__concat` metamethod, luaV_concat goes on with a pointer into the Lua stack that it took before. If the
// stack was moved meanwhile, which any script can bring about, that is memory that is not the stack's.
// No Lua code of a metamethod can be kept from moving the stack, so on such a library
//
// - the event gets another name, which scripts cannot write: "__concat" is then a field like any other;
// - setmetatable puts a C function under the real name, next to the script's function. It calls that one, and
//   then yields: the coroutine goes on in luaV_finishOp, which takes a fresh pointer;
// - where nothing can yield, as in getters, it raises, which leaves luaV_concat as well. Errors of the host can
//   be joined with texts there too, as long as it is certain that the stack has not moved.
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// -- Is it broken? ------------------------------------------------------------------------------------

typedef struct kept_block {
  struct kept_block *next;
  max_align_t bytes[];
} kept_block;

// Frees nothing before the end, so that whatever a stale pointer points to is still there.
static void *keep(void *context, void *block, size_t old_size, size_t new_size) {
  kept_block **blocks = context;
  if (new_size == 0) return NULL;
  kept_block *kept = calloc(1, sizeof *kept + new_size);
  if (!kept) return NULL;
  kept->next = *blocks;
  *blocks = kept;
  if (block) memcpy(kept->bytes, block, old_size < new_size ? old_size : new_size);
  return kept->bytes;
}

static int move_stack(lua_State *L) {
  luaL_checkstack(L, 2000, NULL);
  lua_pushliteral(L, "");
  return 1;
}

static int provoke(lua_State *L) {
  bool *broken = lua_touserdata(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, move_stack);
  lua_setfield(L, -2, "__concat");
  lua_setmetatable(L, -2);
  lua_pushliteral(L, "");
  lua_concat(L, 2);
  *broken = lua_gettop(L) != 2;
  // The top of the stack is not to be trusted now; an error puts it right.
  return *broken ? lua_error(L) : 0;
}

static bool probe(void) {
  kept_block *blocks = NULL;
  bool broken = true;
  lua_State *L = lua_newstate(keep, &blocks);
  if (L) {
    lua_gc(L, LUA_GCSTOP);
    lua_pushcfunction(L, provoke);
    lua_pushlightuserdata(L, &broken);
    lua_pcall(L, 1, 0, 0);
  }
  // Closing it would look at a stack that may be damaged; its blocks are all that it has.
  while (blocks) {
    kept_block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
  return broken;
}

bool mb_lua_has_concatenation_bug(void) {
  enum { UNKNOWN, SOUND, BROKEN };
  // Threads that ask at the same time find the same.
  static _Atomic int known = UNKNOWN;
  int answer = atomic_load_explicit(&known, memory_order_relaxed);
  if (answer == UNKNOWN) {
    answer = probe() ? BROKEN : SOUND;
    atomic_store_explicit(&known, answer, memory_order_relaxed);
  }
  return answer == BROKEN;
}

// -- Another name -------------------------------------------------------------------------------------

void mb_open_concatenation(lua_State *L, mb_vm *vm) {
  if (!mb_lua_has_concatenation_bug()) return;
  // Lua finds the event by the address of this string, which lives as long as the machine; scripts find it
  // by its bytes. So it gets others. It stays in the bucket of its old hash, where a string with these
  // bytes is not looked for: that is made sure of here, while there are as few buckets as there ever are.
  lua_pushliteral(L, "__concat");
  const char *name = lua_tostring(L, -1);
  char *bytes = (char *)(uintptr_t)name;
  char other[] = "__concat";
  for (char first = 1; first < ' '; first++) {
    bytes[0] = other[0] = first;
    lua_pushlstring(L, other, sizeof other - 1);
    bool hidden = lua_tostring(L, -1) != name;
    lua_pop(L, 1);
    if (hidden) break;
    if (first == ' ' - 1) luaL_error(L, "__concat cannot be made safe");
  }
  vm->concat_event = luaL_ref(L, LUA_REGISTRYINDEX);
}

void mb_set_concat(lua_State *L, mb_vm *vm, lua_CFunction function) {
  if (vm->concat_event)
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->concat_event);
  else
    lua_pushliteral(L, "__concat");
  lua_pushcfunction(L, function);
  lua_rawset(L, -3);
}

bool mb_is_hidden(lua_State *L, const mb_vm *vm, int index) {
  if (!vm->concat_event || lua_type(L, index) != LUA_TSTRING) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->concat_event);
  bool same = lua_rawequal(L, index < 0 ? index - 1 : index, -1);
  lua_pop(L, 1);
  return same;
}

// -- The way out of a metamethod ----------------------------------------------------------------------

static int give_result(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  lua_settop(L, 1);
  return 1;
}

// Leaves luaV_concat with the result on top, where something can yield.
static int leave(lua_State *L, mb_vm *vm) {
  lua_replace(L, 1);
  lua_settop(L, 1);
  vm->leaves_concat = true;
  return lua_yieldk(L, 0, 0, give_result);
}

int mb_resume(lua_State *co, lua_State *from, int count, int *results) {
  mb_vm *vm = mb_vm_of(co);
  int status = lua_resume(co, from, count, results);
  while (status == LUA_YIELD && vm->leaves_concat) {
    vm->leaves_concat = false;
    status = lua_resume(co, from, 0, results);
  }
  return status;
}

// -- Errors of the host -------------------------------------------------------------------------------

static int refuse_error(lua_State *L) {
  return luaL_error(L, "this Lua cannot join an error with a text here: use tostring");
}

int mb_join(lua_State *L, int (*push)(lua_State *L, mb_vm *vm)) {
  mb_vm *vm = mb_vm_of(L);
  if (!vm->concat_event) return push(L, vm);
  if (lua_isyieldable(L)) {
    push(L, vm);
    return leave(L, vm);
  }
  // Between luaV_concat and this function no object is made: if one was made after what may be a stack, that
  // was not to make room for this function. `push` needs no more room than every C function has.
  if (vm->stack_may_have_moved) return refuse_error(L);
  // A collection could make the stack smaller. (If this raises, a limit has been passed, and what follows
  // on that starts collecting again.)
  lua_gc(L, LUA_GCSTOP);
  push(L, vm);
  lua_gc(L, LUA_GCRESTART);
  // So can a hook on the way back, unless it raises.
  return lua_gethook(L) && !mb_is_killed(vm) ? refuse_error(L) : 1;
}

// -- Metatables of scripts ----------------------------------------------------------------------------

static int finish_concat(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return leave(L, mb_vm_of(L));
}

// Calls what the script's own metatable has now.
static int script_concat(lua_State *L) {
  for (int operand = 1; operand <= 2; operand++) {
    if (!lua_getmetatable(L, operand)) continue;
    lua_pushliteral(L, "__concat");
    if (lua_rawget(L, -2) != LUA_TNIL) {
      if (!lua_isyieldable(L))
        return luaL_error(L, "__concat cannot be used here (inside a getter, or a function that C code calls): %s "
                             "as it is installed would damage memory; write a method, or __tostring and "
                             ".. tostring(x)", mb_lua_release());
      lua_pushvalue(L, 1);
      lua_pushvalue(L, 2);
      lua_callk(L, 2, 1, 0, finish_concat);
      return leave(L, mb_vm_of(L));
    }
    lua_settop(L, 2);
  }
  int culprit = lua_isstring(L, 1) ? 2 : 1;
  return luaL_error(L, "attempt to concatenate a %s value", luaL_typename(L, culprit));
}

void mb_allow_concat(lua_State *L, mb_vm *vm) { mb_set_concat(L, vm, script_concat); }
