// Values that leave the code of a store's owner: whoever gets them has the rights of their own handle, not
// the owner's. And values that are raised as errors: they show the state as it was, and give no way to it.
#include "bridge.h"

typedef struct walk {
  mb_vm *vm;
  // The grant that takes the place of the owner's, unless it is a snapshot that is wanted.
  uint16_t grant;
  bool snapshot;
  // Whether all tables are copied, without functions and metatables: for those who only look.
  bool copies;
  // Stack indices of the tables that were seen, and of those that were copied.
  int seen;
} walk;

static bool concerns(const walk *w, const mb_object *object) {
  if (!object || !(w->vm->live_kinds >> object->kind & 1)) return false;
  return w->snapshot || w->copies || object->grant == 0;
}

// Whether there is something to replace in a value.
static bool scan(lua_State *L, const walk *w, int index, int depth) {
  mb_object *object = mb_to_object(L, index);
  if (object || lua_type(L, index) != LUA_TTABLE) return concerns(w, object);
  if (depth >= MB_MAX_DEPTH) luaL_error(L, "a table that is nested too deeply");
  luaL_checkstack(L, 8, NULL);
  index = lua_absindex(L, index);
  lua_pushvalue(L, index);
  if (lua_rawget(L, w->seen) != LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  lua_pop(L, 1);
  lua_pushvalue(L, index);
  lua_pushboolean(L, 1);
  lua_rawset(L, w->seen);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (scan(L, w, -2, depth + 1) || scan(L, w, -1, depth + 1)) {
      lua_pop(L, 2);
      return true;
    }
    lua_pop(L, 1);
  }
  return false;
}

// Pushes what takes the place of the value at `index`.
static void replace(lua_State *L, const walk *w, int index, int depth) {
  mb_vm *vm = w->vm;
  luaL_checkstack(L, 8, NULL);
  mb_object *object = mb_to_object(L, index);
  if (concerns(w, object)) {
    if (!w->snapshot) return mb_push_object(L, vm, object->kind, w->grant, object->pointer);
    mb_value value = {.tag = MB_NIL};
    int32_t status = vm->callbacks.snapshot(vm->callbacks.owner, object, &value);
    mb_let_go(vm, &value);
    if (status < 0) mb_fail(L, vm, status);
    return mb_push_value(L, vm, &value);
  }
  if (w->copies && (lua_type(L, index) == LUA_TFUNCTION || lua_type(L, index) == LUA_TTHREAD))
    return lua_pushnil(L);
  if (object || lua_type(L, index) != LUA_TTABLE) return lua_pushvalue(L, index);
  if (depth >= MB_MAX_DEPTH) luaL_error(L, "a table that is nested too deeply");
  index = lua_absindex(L, index);
  lua_pushvalue(L, index);
  if (lua_rawget(L, w->seen) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  int copy = lua_gettop(L);
  lua_pushvalue(L, index);
  lua_pushvalue(L, copy);
  lua_rawset(L, w->seen);
  if (w->copies && !mb_is_marked(L, vm, index)) {
    // What acts through a metatable is code, which is not shown.
  } else if (lua_getmetatable(L, index)) {
    // Its owner may have changed it since it was set.
    mb_check_metatable(L, -1);
    lua_setmetatable(L, copy);
  }
  lua_pushnil(L);
  while (lua_next(L, index)) {
    int key = lua_gettop(L) - 1;
    replace(L, w, key, depth + 1);
    replace(L, w, key + 1, depth + 1);
    // A key that came to nothing leaves its value out.
    if (lua_isnil(L, -2))
      lua_pop(L, 2);
    else
      lua_rawset(L, copy);
    lua_pop(L, 1);
  }
}

static void convert(lua_State *L, walk *w, int index) {
  mb_object *object = mb_to_object(L, index);
  if (object ? !concerns(w, object) : lua_type(L, index) != LUA_TTABLE) return;
  index = lua_absindex(L, index);
  luaL_checkstack(L, 8, NULL);
  lua_newtable(L);
  w->seen = lua_gettop(L);
  if (scan(L, w, index, 0)) {
    lua_newtable(L);
    lua_replace(L, w->seen);
    replace(L, w, index, 0);
    lua_replace(L, index);
  }
  lua_settop(L, w->seen - 1);
}

void mb_attenuate(lua_State *L, mb_vm *vm, uint16_t grant, int first) {
  if (grant == 0) return;
  for (int index = first, top = lua_gettop(L); index <= top; index++) {
    walk w = {.vm = vm, .grant = grant};
    convert(L, &w, index);
  }
}

// attenuate(grant, ...): the values as a holder of this grant gets them.
static int attenuate(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  uint16_t grant = (uint16_t)luaL_checkinteger(L, 1);
  mb_attenuate(L, vm, grant, 2);
  return lua_gettop(L) - 1;
}

// Whether one of the values from `first` could lead to live state with the owner's rights.
static bool leads_from(lua_State *L, mb_vm *vm, int first) {
  walk w = {.vm = vm, .grant = 1};
  for (int index = lua_gettop(L); index >= first; index--)
    if (lua_type(L, index) == LUA_TTABLE || concerns(&w, mb_to_object(L, index))) return true;
  return false;
}

// Packs the values from `first` to `last` into a table.
static void pack(lua_State *L, int first, int last) {
  lua_createtable(L, last - first + 1, 0);
  for (int index = first; index <= last; index++) {
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, index - first + 1);
  }
}

// show(grant, ...): copies of the values for those with this grant who only look, as a table with their count as `n`.
static int show(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  walk w = {.vm = vm, .grant = (uint16_t)luaL_checkinteger(L, 1), .copies = true};
  int count = lua_gettop(L) - 1;
  luaL_checkstack(L, 12, NULL);
  lua_createtable(L, count, 1);
  lua_newtable(L);
  w.seen = lua_gettop(L);
  for (int index = 1; index <= count; index++) {
    replace(L, &w, index + 1, 0);
    lua_rawseti(L, count + 2, index);
  }
  lua_pushinteger(L, count);
  lua_setfield(L, count + 2, "n");
  lua_settop(L, count + 2);
  return 1;
}

// Places in the frame of a layer around an action: what `next` returned, and what the layer was shown of it.
enum { FRAME_RESULTS = 6, FRAME_SHOWN = 7 };

// see(frame, grant, ...): the values as a layer with this grant gets them; the frame keeps what they were.
static int see(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  int count = lua_gettop(L) - 2;
  uint16_t grant = (uint16_t)luaL_checkinteger(L, 2);
  if (grant == 0 || !leads_from(L, vm, 3)) return count;
  luaL_checkstack(L, 4, NULL);
  pack(L, 3, count + 2);
  lua_rawseti(L, 1, FRAME_RESULTS);
  mb_attenuate(L, vm, grant, 3);
  pack(L, 3, count + 2);
  lua_rawseti(L, 1, FRAME_SHOWN);
  return count;
}

// handOn(frame, ...): the values that a layer returns; what it returns as it was shown it is what it was.
static int hand_on(lua_State *L) {
  int last = lua_gettop(L);
  luaL_checkstack(L, 4, NULL);
  if (lua_rawgeti(L, 1, FRAME_SHOWN) == LUA_TTABLE) {
    lua_rawgeti(L, 1, FRAME_RESULTS);
    for (int index = 2; index <= last; index++) {
      if (!mb_to_object(L, index)) continue;
      lua_rawgeti(L, last + 1, index - 1);
      bool is_shown = lua_rawequal(L, index, -1);
      lua_pop(L, 1);
      if (!is_shown) continue;
      lua_rawgeti(L, last + 2, index - 1);
      lua_replace(L, index);
    }
  }
  lua_settop(L, last);
  return last - 1;
}

static int do_make_attenuator(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"attenuate", attenuate}, {"show", show}, {"see", see}, {"handOn", hand_on}, {NULL, NULL}};
  luaL_newlib(L, functions);
  mb_encode_reference(L, mb_vm_of(L), -1);
  return 0;
}

int32_t mb_make_attenuator(mb_vm *vm) { return mb_protect(vm, do_make_attenuator); }

// The value that is raised, at `index`: what it holds of the state is about to be undone, or is somebody
// else's.
static void take_snapshot(lua_State *L, int index) {
  walk w = {.vm = mb_vm_of(L), .snapshot = true};
  convert(L, &w, index);
}

static int base_error(lua_State *L) {
  int level = (int)luaL_optinteger(L, 2, 1);
  lua_settop(L, 1);
  if (lua_type(L, 1) == LUA_TSTRING && level > 0) {
    mb_where(L, level);
    lua_pushvalue(L, 1);
    lua_concat(L, 2);
  } else {
    take_snapshot(L, 1);
  }
  return lua_error(L);
}

static int base_assert(lua_State *L) {
  if (lua_toboolean(L, 1)) return lua_gettop(L);
  luaL_checkany(L, 1);
  lua_remove(L, 1);
  lua_pushliteral(L, "assertion failed!");
  lua_settop(L, 1);
  return base_error(L);
}

void mb_open_errors(lua_State *L) {
  lua_register(L, "error", base_error);
  lua_register(L, "assert", base_assert);
}
