// What ends a turn that runs over its limits.
//
// While nothing is wrong no hook is set, so that nothing is paid for each instruction. Once a limit is
// passed, `vm->killed` says why, and a hook on the coroutine that runs raises at its next instruction.
// Whatever catches that error raises again for as long as the flag stands: our pcall, xpcall and resume, and
// the entries from Swift, which set the hook on the coroutine that they return to. The flag falls with the
// scope that ran over: the outermost entry, or the turn of a host.
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// -- The end of a turn ------------------------------------------------------------------------------

// Marks coroutines that were killed; without allocation, and unlike every value that a script can make.
static const char sentinel;

bool mb_was_killed(lua_State *co) {
  return lua_status(co) > LUA_YIELD && lua_gettop(co) > 0 && lua_touserdata(co, -1) == (void *)&sentinel;
}

void mb_mark_killed(lua_State *co) {
  // In the place of the error value, so that it needs no room.
  if (lua_status(co) <= LUA_YIELD || lua_gettop(co) == 0) return;
  lua_pop(co, 1);
  lua_pushlightuserdata(co, (void *)(uintptr_t)&sentinel);
}

// Where a turn was killed, without allocating in Lua: memory may be what is short.
static void note_place(lua_State *L, mb_vm *vm) {
  if (vm->kill.line) return;
  lua_Debug place;
  size_t used = 0;
  for (int level = 0; level < 32 && lua_getstack(L, level, &place); level++) {
    lua_getinfo(L, "Sl", &place);
    if (place.currentline <= 0 || place.source[0] == '=') continue;
    if (!vm->kill.line) {
      vm->kill.line = place.currentline;
      memcpy(vm->kill.source, place.short_src, sizeof vm->kill.source);
    }
    int wrote = snprintf(vm->kill.traceback + used, sizeof vm->kill.traceback - used, "\t%s:%d: in %s\n",
                         place.short_src, place.currentline,
                         place.what[0] == 'm' ? "the main chunk" : "a function");
    if (wrote < 0 || (size_t)wrote >= sizeof vm->kill.traceback - used) break;
    used += (size_t)wrote;
  }
  vm->kill.traceback[used] = 0;
}

// The innermost action; only where the stack may be pushed to.
static void note_action(lua_State *L, mb_vm *vm) {
  lua_Debug place;
  for (int level = 0; vm->kill.action < 0 && level < 64 && lua_getstack(L, level, &place); level++) {
    lua_getinfo(L, "S", &place);
    if (place.what[0] != 'C' || !lua_checkstack(L, 4)) continue;
    vm->kill.action = mb_action_of(L, &place);
  }
}

// How many frames are looked at from the top of a stack, and how many from its other end: each look goes through
// all those above.
#define NEAR_FRAMES 256
#define FAR_FRAMES 16
// Bytes of names that are kept.
#define MAX_ENDED ((size_t)1 << 16)

static void note_script(mb_vm *vm, const lua_Debug *place) {
  if (place->source[0] != '@') return;
  const char *name = place->source + 1;
  size_t size = strlen(name) + 1;
  for (size_t at = 0; at < vm->ended_length; at += strlen(vm->ended + at) + 1)
    if (strcmp(vm->ended + at, name) == 0) return;
  if (vm->ended_length + size > MAX_ENDED) return;
  if (vm->ended_length + size > vm->ended_capacity) {
    size_t capacity = vm->ended_capacity + size + 256;
    char *ended = realloc(vm->ended, capacity);
    if (!ended) return;
    vm->ended = ended;
    vm->ended_capacity = capacity;
  }
  memcpy(vm->ended + vm->ended_length, name, size);
  vm->ended_length += size;
}

// The scripts of which something is on this stack, which is about to go. Without allocation in Lua.
static void note_scripts(lua_State *L, mb_vm *vm) {
  if (vm->kill.noted == L) return;
  vm->kill.noted = L;
  lua_Debug place;
  int level = 0;
  for (; level < NEAR_FRAMES && lua_getstack(L, level, &place); level++) {
    lua_getinfo(L, "S", &place);
    note_script(vm, &place);
  }
  if (level < NEAR_FRAMES) return;
  // Of a recursion that deep only both ends: its middle is more of the same.
  int there = level - 1, gone = level * 2;
  for (; lua_getstack(L, gone, &place); gone *= 2) there = gone;
  while (gone - there > 1) {
    int middle = there + (gone - there) / 2;
    if (lua_getstack(L, middle, &place))
      there = middle;
    else
      gone = middle;
  }
  for (level = there; level >= NEAR_FRAMES && level > there - FAR_FRAMES && lua_getstack(L, level, &place); level--) {
    lua_getinfo(L, "S", &place);
    note_script(vm, &place);
  }
}

const char *mb_vm_ended_scripts(const mb_vm *vm, size_t *length) {
  *length = vm->ended_length;
  return vm->ended;
}

void mb_vm_forget_ended_scripts(mb_vm *vm) { vm->ended_length = 0; }

void mb_note_kill(lua_State *L, mb_vm *vm) {
  note_scripts(L, vm);
  if (vm->kill.is_noted) return;
  note_place(L, vm);
  // A coroutine can have functions of C only; whoever resumed it has a place.
  vm->kill.is_noted = vm->kill.line != 0;
  mb_note_lasting_call(L, vm);
  note_action(L, vm);
}

static void on_hook(lua_State *L, lua_Debug *event);

// The same from a signal handler, and in the middle of an instruction: it sets fields, and no more.
MB_UNSANITIZED static void arm(lua_State *L) {
  lua_sethook(L, on_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

MB_UNSANITIZED void mb_interrupt(mb_vm *vm) {
  // Between a scope of its own and what runs outside of it there is only Swift.
  if (vm->running && vm->entered > vm->scope_entered) arm(vm->running);
}

MB_UNSANITIZED void mb_kill(mb_vm *vm, int reason) {
  if (vm->entered <= vm->scope_entered) return;
  if (!atomic_load_explicit(&vm->killed, memory_order_relaxed))
    atomic_store_explicit(&vm->killed, reason, memory_order_relaxed);
  mb_interrupt(vm);
}

_Noreturn void mb_raise_kill(lua_State *L, mb_vm *vm) {
  mb_note_kill(L, vm);
  // Setting it goes through all frames of the coroutine, of which there can be many.
  if (lua_gethook(L) != on_hook) arm(L);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&sentinel);
  lua_error(L);
  __builtin_unreachable();
}

// Memory is over its quota, and here is a point where a collection harms nobody.
static void collect_or_kill(lua_State *L, mb_vm *vm) {
  vm->wants_collection = false;
  vm->refused = 0;
  lua_gc(L, LUA_GCCOLLECT);
  // With less room than this the machine would do nothing but collect.
  if (vm->memory > vm->quota - vm->quota / 16)
    mb_kill(vm, MB_KILLED_MEMORY);
  else
    vm->kill.line = 0;
}

static void on_hook(lua_State *L, lua_Debug *event) {
  (void)event;
  mb_vm *vm = mb_vm_of(L);
  if (vm->wants_collection && !mb_is_killed(vm)) collect_or_kill(L, vm);
  if (mb_is_killed(vm) && vm->entered > vm->scope_entered) mb_raise_kill(L, vm);
  // Left over from a turn that was killed, or inherited.
  lua_sethook(L, NULL, 0, 0);
}

int32_t mb_report_kill(mb_vm *vm) {
  // Killed while it was on its way out with an error, whose place is known.
  if (!vm->kill.line) return MB_KILLED + mb_is_killed(vm);
  vm->error_line = vm->kill.line;
  vm->error_action = vm->kill.action;
  memcpy(vm->error_source, vm->kill.source, sizeof vm->error_source);
  size_t length = strlen(vm->kill.traceback);
  char *copy = realloc(vm->traceback, length + 1);
  if (copy) {
    memcpy(copy, vm->kill.traceback, length + 1);
    vm->traceback = copy;
  }
  return MB_KILLED + mb_is_killed(vm);
}

// -- Scopes -----------------------------------------------------------------------------------------

static void forget_kill(mb_vm *vm) {
  atomic_store_explicit(&vm->killed, 0, memory_order_relaxed);
  vm->refused = 0;
  vm->kill.is_noted = false;
  vm->kill.noted = NULL;
  vm->kill.line = 0;
  vm->kill.action = -1;
  vm->kill.source[0] = 0;
  vm->kill.traceback[0] = 0;
}

static void begin_scope(mb_vm *vm, int64_t budget) {
  atomic_store_explicit(&vm->budget, budget, memory_order_relaxed);
  atomic_store_explicit(&vm->scope, ++vm->scopes, memory_order_relaxed);
}

static int echo(lua_State *L) { return lua_gettop(L); }

static int check_body(lua_State *L) {
  // A table, strings made and compared, a call on another coroutine: what every script needs.
  lua_State *co = lua_newthread(L);
  lua_createtable(L, 2, 2);
  lua_pushfstring(L, "%s-%d", "canary", 42);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "canary");
  lua_getfield(L, -2, "canary");
  if (!lua_rawequal(L, -1, -2) || strcmp(lua_tostring(L, -1), "canary-42") != 0) return luaL_error(L, "strings");
  lua_pushcfunction(co, echo);
  lua_pushliteral(co, "canary");
  int count = 0;
  if (lua_resume(co, L, 1, &count) != LUA_OK || count != 1 || strcmp(lua_tostring(co, -1), "canary") != 0)
    return luaL_error(L, "coroutines");
  return 0;
}

// Whether the machine still does what every script relies on.
static bool is_sound(mb_vm *vm) {
  if (!lua_checkstack(vm->L, 4)) return false;
  lua_pushcfunction(vm->L, check_body);
  if (lua_pcall(vm->L, 0, 0, 0) == LUA_OK) return true;
  lua_pop(vm->L, 1);
  return false;
}

// What a killed turn has left behind goes, and whether the machine can be trusted is found out.
static void recover(mb_vm *vm, int reason) {
  lua_sethook(vm->L, NULL, 0, 0);
  vm->suspending = false;
  vm->resume_raises = false;
  vm->leaves_concat = false;
  lua_gc(vm->L, LUA_GCRESTART);
  mb_vm_collect(vm);
  vm->wants_collection = vm->memory > vm->quota;
  // Where memory ran out in the middle of something, Lua's own repairs are at work.
  if (reason == MB_KILLED_MEMORY || !is_sound(vm)) vm->suspect = true;
}

mb_scope mb_scope_begin(mb_vm *vm, int64_t budget) {
  mb_scope outer = {.number = atomic_load_explicit(&vm->scope, memory_order_relaxed),
                    .budget = atomic_load_explicit(&vm->budget, memory_order_relaxed),
                    .entered = vm->scope_entered,
                    .killed = mb_is_killed(vm),
                    .is_open = vm->scope_is_open};
  vm->scope_entered = vm->entered;
  vm->scope_is_open = true;
  begin_scope(vm, budget);
  return outer;
}

int32_t mb_scope_renew(mb_vm *vm) {
  int reason = mb_is_killed(vm);
  bool is_overdue = mb_is_overdue(vm);
  if ((!reason && !is_overdue) || vm->entered > vm->scope_entered) return 0;
  if (reason) {
    forget_kill(vm);
    recover(vm, reason);
  } else {
    reason = MB_KILLED_TIME;
  }
  begin_scope(vm, atomic_load_explicit(&vm->budget, memory_order_relaxed));
  return reason;
}

int32_t mb_scope_end(mb_vm *vm, mb_scope outer) {
  // One that began in a killed turn goes with it.
  int reason = outer.killed ? 0 : mb_is_killed(vm);
  if (reason) {
    forget_kill(vm);
    recover(vm, reason);
  } else if (!outer.killed && mb_is_overdue(vm)) {
    reason = MB_KILLED_TIME;
  }
  vm->scope_entered = outer.entered;
  vm->scope_is_open = outer.is_open;
  atomic_store_explicit(&vm->budget, outer.budget, memory_order_relaxed);
  // A new number: what ran outside of the scope has its budget anew.
  atomic_store_explicit(&vm->scope, outer.is_open || outer.number ? ++vm->scopes : 0, memory_order_relaxed);
  return reason;
}

void mb_vm_set_budget(mb_vm *vm, int64_t nanoseconds) { vm->default_budget = nanoseconds; }
bool mb_vm_may_go_on(mb_vm *vm) {
  if (mb_is_killed(vm)) return false;
  if (!mb_is_overdue(vm)) return true;
  // Where Lua has called what asks, that ends as well, and nothing catches it.
  mb_kill(vm, MB_KILLED_TIME);
  return false;
}

bool mb_vm_is_suspect(const mb_vm *vm) { return vm->suspect; }

// -- Entries ----------------------------------------------------------------------------------------

// How much of the C stack is left for what is called below; Lua's own 200 levels take up to 400 KB.
#define STACK_RESERVE ((size_t)160 * 1024)

_Thread_local char *mb_stack_end;

static void find_stack(void) {
  char *low = NULL;
  size_t size = 0;
#if defined(__APPLE__)
  size = pthread_get_stacksize_np(pthread_self());
  low = (char *)pthread_get_stackaddr_np(pthread_self()) - size;
#else
  pthread_attr_t attributes;
  void *address = NULL;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    if (pthread_attr_getstack(&attributes, &address, &size) == 0) low = address;
    pthread_attr_destroy(&attributes);
  }
#endif
  size_t reserve = size / 3 < STACK_RESERVE ? size / 3 : STACK_RESERVE;
  // Unknown bounds leave it to Lua's own count of levels.
  mb_stack_end = low ? low + reserve : (char *)1;
}

void mb_enter_outermost(mb_vm *vm) {
  if (!mb_stack_end) find_stack();
  mb_end_call(vm, 0);
  if (!vm->scope_is_open) begin_scope(vm, vm->default_budget);
  if (vm->wants_collection) {
    // The host's own work, which is never killed, has gone over the quota.
    mb_vm_collect(vm);
    vm->wants_collection = false;
    if (vm->memory > vm->quota) mb_kill(vm, MB_KILLED_MEMORY);
  }
  if (!vm->watch.is_listed) return;
  mb_watch_enter(vm);
  if (mb_is_overdue(vm)) mb_kill(vm, MB_KILLED_TIME);
}

void mb_leave_outermost(mb_vm *vm) {
  if (atomic_load_explicit(&vm->gate, memory_order_relaxed)) mb_watch_leave(vm);
  if (vm->scope_is_open) return;
  // What the thread does from now on is on another account.
  atomic_store_explicit(&vm->scope, 0, memory_order_relaxed);
  int reason = mb_is_killed(vm);
  if (!reason) return;
  forget_kill(vm);
  recover(vm, reason);
}

// -- Memory -----------------------------------------------------------------------------------------

// Whether what is refused may be given after all when Lua, which answers a refusal with a collection, asks again.
// Before 5.4.8 a collection in the middle of an assignment can free the table that is assigned to (lua 983bc433):
// then the assignment must not go on, but raise. Strings come from no assignment.
static bool may_retry(const void *block, size_t kind) {
  return !block && (kind == LUA_TSTRING || kind == LUA_TUSERDATA);
}

// An error for want of memory leaves its frames behind when it is caught, so they are looked at now.
static void kill_for_memory(mb_vm *vm) {
  if (vm->running && vm->entered > vm->scope_entered) note_scripts(vm->running, vm);
  mb_kill(vm, MB_KILLED_MEMORY);
}

bool mb_over_quota(mb_vm *vm, const void *block, size_t old_size, size_t held, size_t new_size) {
  size_t total = vm->memory + (new_size - held);
  vm->threshold = vm->quota;
  size_t part = vm->refused_part;
  vm->refused_part = 0;
  if (part == new_size) return true;
  if (total <= vm->quota) return false;
  if (!vm->wants_collection) {
    vm->wants_collection = true;
    mb_interrupt(vm);
  }
  // What the host does for itself is never refused; it pays at the next entry.
  if (vm->entered == 0 || total <= vm->hard_quota) return false;
  // What fails for want of memory leaves no place behind.
  if (!mb_is_killed(vm) && vm->running) note_place(vm->running, vm);
  if (may_retry(block, old_size)) {
    // A second refusal in a row is the end.
    if (vm->refused == new_size || new_size > vm->hard_quota) kill_for_memory(vm);
    vm->refused = new_size;
    return true;
  }
  // (For buffers Lua asks only once.)
  kill_for_memory(vm);
  vm->refused_part = new_size;
  vm->threshold = 0;
  return true;
}

void mb_vm_set_memory(mb_vm *vm, size_t bytes) {
  bool limited = bytes > 0 && bytes < SIZE_MAX / 4;
  vm->quota = vm->threshold = limited ? bytes : SIZE_MAX;
  vm->refused_part = 0;
  vm->hard_quota = limited ? bytes + bytes / 10 : SIZE_MAX;
}
