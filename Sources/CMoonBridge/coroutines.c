// The coroutine library of scripts. It differs from the standard one in that a host function can
// suspend the whole run from within a script's coroutine: each resume on the way passes the wait on.
#include "bridge.h"

static lua_State *check_coroutine(lua_State *L, int index) {
  lua_State *co = lua_tothread(L, index);
  luaL_argexpected(L, co, index, "coroutine");
  return co;
}

static int co_yield(lua_State *L);

// Whether it is the host that has suspended it: nobody else goes on with it, or ends it.
static bool waits(lua_State *co) {
  lua_Debug place;
  if (lua_status(co) != LUA_YIELD || !lua_checkstack(co, 1) || !lua_getstack(co, 0, &place)) return false;
  lua_getinfo(co, "f", &place);
  bool waits = lua_tocfunction(co, -1) != co_yield;
  lua_pop(co, 1);
  return waits;
}

int mb_reset(mb_vm *vm, lua_State *co) {
  if (mb_is_killed(vm) || mb_was_killed(co)) return LUA_ERRRUN;
  lua_State *running = vm->running;
  bool blocked = vm->blocked;
  vm->running = co;
  vm->blocked = true;
  mb_enter(vm);
  int result = lua_resetthread(co);
  vm->blocked = blocked;
  vm->running = running;
  mb_leave(vm);
  return result;
}

static int co_resume(lua_State *L);
static int wrapped(lua_State *L);

lua_State *mb_waiting_inner(lua_State *co) {
  lua_Debug place;
  if (!waits(co) || !lua_checkstack(co, 2) || !lua_getstack(co, 0, &place)) return NULL;
  lua_getinfo(co, "f", &place);
  lua_CFunction function = lua_tocfunction(co, -1);
  lua_pop(co, 1);
  if (function != co_resume && function != wrapped) return NULL;
  // Its first value, where `resume` and `wrap` keep the coroutine.
  if (!lua_getlocal(co, &place, 1)) return NULL;
  lua_State *inner = lua_tothread(co, -1);
  lua_pop(co, 1);
  return inner;
}

void mb_cancel(mb_vm *vm, lua_State *co) {
  // From the inside out, as a failing call would end. Lua bounds how deep coroutines resume each other.
  lua_State *inner = mb_waiting_inner(co);
  if (inner) mb_cancel(vm, inner);
  if (lua_status(co) != LUA_OK) mb_reset(vm, co);
}

static bool is_run(mb_vm *vm, lua_State *L) { return L == vm->L || (vm->current && vm->current->co == L); }

static int after_wait(lua_State *L, int status, lua_KContext context);

// Resumes co with the `count` values on top of L's stack. Returns how many values were pushed, or -1 with
// an error value on top; a wait does not return.
static int resume(lua_State *L, lua_State *co, int count, bool wraps) {
  mb_vm *vm = mb_vm_of(L);
  mb_poll(L, vm);
  mb_check_stack(L);
  if (!lua_checkstack(co, count)) {
    lua_pop(L, count);
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, count);
  int results = 0;
  bool blocked = vm->blocked;
  vm->blocked = blocked || !lua_isyieldable(L);
  vm->running = co;
  mb_stretch stretch = {.serial = ++vm->stretches,
                        .savepoint = vm->callbacks.savepoint(vm->callbacks.owner),
                        .co = co,
                        .outer = vm->stretch};
  vm->stretch = &stretch;
  int open = mb_open_call_count(vm);
  int status = mb_resume(co, L, count, &results);
  vm->stretch = stretch.outer;
  mb_end_call(vm, open);
  vm->running = L;
  vm->blocked = blocked;
  if (mb_is_killed(vm)) {
    vm->suspending = false;
    if (status != LUA_OK && status != LUA_YIELD) {
      mb_note_kill(co, vm);
      mb_mark_killed(co);
    }
    mb_raise_kill(L, vm);
  }
  if (status == LUA_YIELD && vm->suspending) {
    if (!lua_isyieldable(L)) {
      vm->suspending = false;
      return luaL_error(L, "cannot wait here (inside a getter, or a function that C code calls)");
    }
    return lua_yieldk(L, 0, 0, after_wait);
  }
  mb_note_return(vm);
  if (status == LUA_OK || status == LUA_YIELD) {
    if (!lua_checkstack(L, results + 1)) {
      lua_pop(co, results);
      lua_pushliteral(L, "too many results to resume");
      return -1;
    }
    lua_xmove(co, L, results);
    return results;
  }
  // The stack of a failed coroutine still stands, so that the script to blame is found before anything is closed.
  lua_Debug place;
  const lua_Debug *script = mb_find_script(co, 0, &place) ? &place : NULL;
  lua_xmove(co, L, 1);
  mb_note_caught(L, vm, status);
  mb_place_error(L, script);
  // A script has no handle to close a wrapped one by, so what is pending in it ends here, and is told the error.
  if (wraps && lua_status(co) > LUA_YIELD) {
    lua_xmove(L, co, 1);
    mb_reset(vm, co);
    lua_xmove(co, L, 1);
    mb_place_error(L, script);
  }
  // A coroutine catches errors as pcall does, so what it did in this stretch is undone as well.
  vm->callbacks.rollback(vm->callbacks.owner, stretch.savepoint);
  return -1;
}

// Stack: the coroutine (or for `wrap` the marker nil), then the values.
static int deliver(lua_State *L, int results, bool wraps) {
  if (results >= 0) {
    if (wraps) return results;
    lua_pushboolean(L, 1);
    lua_insert(L, -(results + 1));
    return results + 1;
  }
  if (!wraps) {
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  if (lua_type(L, -1) == LUA_TSTRING) {
    mb_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

// The host goes on: what it answered is on top of the coroutine at 1 and is handed to the inner one.
static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  lua_State *co = lua_tothread(L, 1);
  bool wraps = lua_toboolean(L, 2);
  return deliver(L, resume(L, co, lua_gettop(L) - 2, wraps), wraps);
}

static bool can_resume(lua_State *L, lua_State *co, int count) {
  int status = lua_status(co);
  lua_Debug place;
  bool busy = status == LUA_YIELD ? waits(co) : status == LUA_OK && lua_getstack(co, 0, &place);
  if (!busy && (status == LUA_YIELD || (status == LUA_OK && lua_gettop(co) > 0))) return true;
  lua_pop(L, count);
  lua_pushstring(L, busy ? "cannot resume non-suspended coroutine" : "cannot resume dead coroutine");
  return false;
}

static int co_resume(lua_State *L) {
  lua_State *co = check_coroutine(L, 1);
  int count = lua_gettop(L) - 1;
  lua_pushboolean(L, 0);
  lua_insert(L, 2);
  if (!can_resume(L, co, count)) return deliver(L, -1, false);
  return deliver(L, resume(L, co, count, false), false);
}

static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int count = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 2);
  if (!can_resume(L, co, count)) return deliver(L, -1, true);
  return deliver(L, resume(L, co, count, true), true);
}

static int co_create(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  return 1;
}

static int co_wrap(lua_State *L) {
  co_create(L);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

static int co_yield(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  if (is_run(vm, L)) return luaL_error(L, "attempt to yield from outside a coroutine");
  if (mb_holds_group(vm, L))
    return luaL_error(L, "attempt to yield out of transaction() or store.patch(): what is one transaction ends before "
                         "its coroutine goes on elsewhere; yield before or after it");
  return lua_yield(L, lua_gettop(L));
}

static const char *status_of(lua_State *L, lua_State *co) {
  if (L == co) return "running";
  lua_Debug place;
  switch (lua_status(co)) {
    case LUA_YIELD: return waits(co) ? "normal" : "suspended";
    case LUA_OK:
      if (lua_getstack(co, 0, &place)) return "normal";
      return lua_gettop(co) == 0 ? "dead" : "suspended";
    default: return "dead";
  }
}

static int co_status(lua_State *L) {
  lua_pushstring(L, status_of(L, check_coroutine(L, 1)));
  return 1;
}

static int co_isyieldable(lua_State *L) {
  lua_State *co = lua_isnone(L, 1) ? L : check_coroutine(L, 1);
  mb_vm *vm = mb_vm_of(L);
  lua_pushboolean(L, !is_run(vm, co) && !mb_holds_group(vm, co) && lua_isyieldable(co));
  return 1;
}

static int co_running(lua_State *L) {
  lua_pushthread(L);
  lua_pushboolean(L, is_run(mb_vm_of(L), L));
  return 2;
}

static int co_close(lua_State *L) {
  lua_State *co = check_coroutine(L, 1);
  mb_vm *vm = mb_vm_of(L);
  const char *status = status_of(L, co);
  if (status[0] != 's' && status[0] != 'd') return luaL_error(L, "cannot close a %s coroutine", status);
  if (is_run(vm, co)) return luaL_error(L, "cannot close the coroutine of the host");
  mb_check_stack(L);
  if (mb_was_killed(co)) {
    // Its <close> variables stay as they are.
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "the coroutine was killed");
    return 2;
  }
  // Lua before 5.4.5 does not count the C stack that closing takes.
  if (vm->close_depth >= 16) return luaL_error(L, "coroutines are closed too deeply");
  vm->close_depth++;
  int result = mb_reset(vm, co);
  vm->close_depth--;
  mb_poll(L, vm);
  if (result == LUA_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushboolean(L, 0);
  lua_xmove(co, L, 1);
  // Closing has unwound the stack: no script can be named.
  mb_place_error(L, NULL);
  return 2;
}

void mb_open_coroutines(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"create", co_create},   {"resume", co_resume}, {"running", co_running},
      {"status", co_status},   {"wrap", co_wrap},     {"yield", co_yield},
      {"isyieldable", co_isyieldable}, {"close", co_close}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_setglobal(L, "coroutine");
}
