// What the files of this target share; no part of the contract with Swift.
#ifndef MOON_BRIDGE_H
#define MOON_BRIDGE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "CMoonBridge.h"

// Tells our userdata from any other.
#define MB_MAGIC 0x4D4F4F4Eu
// In `extra` of a reference that goes with its token until somebody takes it over.
#define MB_OWNED 0x80000000u
// The kind of the one object that is the explicit null.
#define MB_KIND_NULL 0
// Lua interns strings up to this length (LUAI_MAXSHORTLEN), so that equal ones have one address.
#define MB_INTERNED_LENGTH 40
#define MB_KEY_CACHE 1024
#define MB_MAX_DEPTH 64
// A table that says that it has more than this many parts is refused rather than copied.
#define MB_MAX_TOKENS (1u << 21)
// What a call gives to Swift at most.
#define MB_MAX_RESULTS (1 << 16)
// What a function of the standard library makes or works on at most: bytes of a string, elements of a
// table, bytes of the text that `load` compiles.
#define MB_MAX_STRING (1u << 28)
#define MB_MAX_ELEMENTS (1u << 26)
#define MB_MAX_SOURCE (1u << 18)

// Under the thread sanitizer these run on the watchdog's thread; see watchdog.c.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MB_UNSANITIZED __attribute__((no_sanitize("thread")))
#endif
#endif
#if !defined(MB_UNSANITIZED)
#define MB_UNSANITIZED
#endif

// What tells how long a thread has computed.
#if defined(__APPLE__)
typedef unsigned mb_clock;
#else
typedef clockid_t mb_clock;
#endif

typedef struct mb_arena_chunk {
  struct mb_arena_chunk *next;
  size_t used, size;
  char bytes[];
} mb_arena_chunk;

typedef struct mb_action_entry {
  const void *store;
  int handle;
  int function;
  int closure;
  // What the dispatcher keeps for it; 0 when it has to be made anew.
  int plan;
  uint32_t flags;
  bool in_use;
} mb_action_entry;

struct mb_run {
  mb_vm *vm;
  lua_State *co;
  int anchor;
  int results;
  int32_t status;
  // Why it could not go on, when nothing of Lua says so.
  const char *refusal;
  // Why it was killed: its coroutine never runs again, and is not used again.
  int32_t killed;
  // The next one in the pool, and the next one of all.
  mb_run *next, *next_of_all;
};

struct mb_vm {
  lua_State *L;
  mb_callbacks callbacks;
  mb_shortcuts shortcuts;
  size_t memory;

  mb_value *tokens;
  size_t token_count, token_capacity;
  // References in the buffer that nobody has taken over yet.
  size_t owned_count;
  mb_arena_chunk *arena;
  char *scratch;
  size_t scratch_capacity;
  char *text;
  size_t text_length, text_capacity;

  const void *error;
  char *traceback;
  char error_source[LUA_IDSIZE];
  int32_t error_line, error_action;

  const void **released;
  size_t released_count, released_capacity;

  // Registry references.
  int proxies, metatable, null, array_metatable, map_metatable, symbols, dispatcher, numbers;
  // On a Lua with a broken luaV_concat, see concatenation.c; 0 on others.
  int concat_event;
  // A coroutine has yielded to leave luaV_concat, and goes on at once.
  bool leaves_concat;
  // A stack may have taken the place of another one since the last object was made, or a call of C ended.
  bool stack_may_have_moved;
  int part_sort;
  // How many values `tostring` has given a number.
  lua_Integer numbered;

  // By the address of the string object.
  struct {
    const void *string;
    uint32_t symbol;
  } keys[MB_KEY_CACHE];

  mb_action_entry *actions;
  int32_t action_count, action_capacity, action_last;

  mb_run *pool, *runs;
  // How many calls from Swift are under way.
  int entered;
  // The run that is being resumed, and the coroutine in it that runs.
  mb_run *current;
  lua_State *running;
  mb_run *driven;
  lua_State *driver;
  int driver_arguments;
  bool driving;
  // A host function asked to suspend; the coroutines on the way to the run pass the yield on.
  bool suspending;
  // Between the run and what runs there is something that cannot be suspended.
  bool blocked;
  bool resume_raises;
  int close_depth;

  // Arguments of the protected entry that is about to run.
  struct {
    int32_t function;
    size_t base, count;
    int32_t tables;
    mb_value self;
  } entry;

  // Why the scope under way must end, and 0 while it may go on: nothing catches that. Set on the thread that
  // runs, by the allocator or a signal's handler. See limits.c.
  _Atomic int killed;
  // A scope shares one budget: the outermost entry, or the turn of a host. Each has a number of its own.
  _Atomic uint64_t scope;
  uint64_t scopes;
  _Atomic int64_t budget;
  int64_t default_budget;
  // How deep the machine was entered when the scope began.
  int scope_entered;
  bool scope_is_open;
  // Something was killed in a way after which a new machine is better.
  bool suspect;
  struct {
    bool is_noted;
    int32_t line, action;
    char source[LUA_IDSIZE];
    char traceback[2048];
    // The coroutine whose scripts were noted last.
    const lua_State *noted;
  } kill;
  // The scripts that were ended in their middle, each once and with a 0 behind it, until somebody takes them.
  char *ended;
  size_t ended_length, ended_capacity;

  // Bytes from which on Lua collects or is killed at its next instruction, and is given no more; and the most
  // that it has held above the first.
  size_t quota, hard_quota, peak;
  // From where on the allocator asks: the quota, or 0 for the next request.
  size_t threshold;
  // Refused whatever happens in between, if it is asked for next.
  size_t refused_part;
  // What was refused last, and whether a collection is due at the next safe point.
  size_t refused;
  bool wants_collection;

  // The watchdog's, see watchdog.c: the number of the scope that has run over its time, and whether Lua
  // runs, on which thread.
  _Atomic uint64_t overrun;
  _Atomic unsigned gate;
  pthread_t thread;
  mb_clock clock;
  // What this thread had entered before.
  mb_vm *below;
  void (*stuck)(void *context, double seconds);
  void *stuck_context;
  struct {
    mb_vm *next;
    bool is_listed, was_inside, is_reported;
    uint64_t scope;
    // The clock of its thread, at the last look.
    mb_clock clock;
    int64_t at;
    // What it has computed, and what has passed.
    int64_t used, passed;
    int strikes, wait;
    uint64_t identity;
  } watch;
  // What runs now, if somebody may ask for its end, and what somebody has asked for.
  _Atomic uint64_t piece, unwanted;

  uint16_t handle_kind;
  uint32_t table_kinds, live_kinds;
};

static inline mb_vm *mb_vm_of(lua_State *L) { return *(mb_vm **)lua_getextraspace(L); }

static inline mb_object *mb_to_object(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA) return NULL;
  mb_object *object = lua_touserdata(L, index);
  return object->magic == MB_MAGIC ? object : NULL;
}

// values.c
// Appends what stands at `index`. On failure returns false, with the path in `vm->text` and a reason.
bool mb_encode(lua_State *L, mb_vm *vm, int index, bool strict, const char **reason);
// The same, with tables and functions as references; may raise.
void mb_encode_reference(lua_State *L, mb_vm *vm, int index);
void mb_append_reference(mb_vm *vm, int reference, int type);
// Pushes the value that begins at `at`; returns the index behind it. May raise.
size_t mb_decode(lua_State *L, mb_vm *vm, size_t at);
bool mb_push_plain(lua_State *L, const mb_value *value);
// Its address is the key under which metatables say that their tables are data.
extern const char mb_data_mark;
void mb_push_value(lua_State *L, mb_vm *vm, const mb_value *value);

// objects.c
void mb_open_objects(lua_State *L, mb_vm *vm);
void mb_push_object(lua_State *L, mb_vm *vm, uint16_t kind, uint16_t grant, const void *pointer);
int mb_fail(lua_State *L, mb_vm *vm, int32_t status);
void mb_push_error(lua_State *L, mb_vm *vm);
void mb_locate(lua_State *L, mb_vm *vm, const void *error);
void mb_queue_release(mb_vm *vm, const void *pointer);
// Whether a table has the metatable of array() or map().
bool mb_is_marked(lua_State *L, mb_vm *vm, int index);
int mb_object_pairs_next(lua_State *L);
// table.insert and table.remove with an object at 1.
int mb_object_insert(lua_State *L);
int mb_object_remove(lua_State *L);

// strings.c, patterns.c, tables.c, utf8.c
void mb_open_strings(lua_State *L);
void mb_open_tables(lua_State *L);
void mb_open_utf8(lua_State *L);
int mb_string_find(lua_State *L);
int mb_string_match(lua_State *L);
int mb_string_gmatch(lua_State *L);
int mb_string_gsub(lua_State *L);
void mb_check_string_size(lua_State *L, size_t size);
// Add to a buffer, within the size that a string can have.
void mb_add_bytes(lua_State *L, mb_vm *vm, luaL_Buffer *buffer, const char *bytes, size_t length);
void mb_add_value(lua_State *L, mb_vm *vm, luaL_Buffer *buffer);

// concatenation.c
// Before anything else of a machine is opened.
void mb_open_concatenation(lua_State *L, mb_vm *vm);
// Makes the function, which ends in mb_join, the __concat of the metatable on top.
void mb_set_concat(lua_State *L, mb_vm *vm, lua_CFunction function);
// Returns, from a __concat metamethod, the text that `push` pushes; that one takes no more room than any C
// function has, and calls nothing.
int mb_join(lua_State *L, int (*push)(lua_State *L, mb_vm *vm));
// Makes the __concat of the script's metatable on top work, where it is not Lua that does that.
void mb_allow_concat(lua_State *L, mb_vm *vm);
// Whether the key at the index is one that scripts do not see.
bool mb_is_hidden(lua_State *L, const mb_vm *vm, int index);
// lua_resume, for coroutines in which __concat can run.
int mb_resume(lua_State *co, lua_State *from, int count, int *results);
// Makes room for the functions that are called from here, so that the stack seldom moves for them. May raise.
static inline void mb_reserve_stack(lua_State *L, mb_vm *vm, int slots) {
  if (!vm->concat_event) return;
  luaL_checkstack(L, slots, NULL);
  vm->stack_may_have_moved = false;
}
// Told by the allocator. A stack is a vector: its block comes without the type of an object.
static inline void mb_note_new_block(mb_vm *vm, size_t type, size_t size) {
  if (type != 0)
    vm->stack_may_have_moved = false;
  else if (size >= 512)
    vm->stack_may_have_moved = true;
}

// loading.c, names.c
void mb_open_loading(lua_State *L);
void mb_open_names(lua_State *L, mb_vm *vm);
// Pushes what `tostring` makes of a value: luaL_tolstring without addresses.
const char *mb_tolstring(lua_State *L, int index, size_t *length);

// libraries.c, coroutines.c, protection.c, missing.c
void mb_open_libraries(lua_State *L, mb_vm *vm);
// Raises for a metatable that a script must not set: one with a finalizer.
void mb_check_metatable(lua_State *L, int index);
void mb_open_coroutines(lua_State *L);
void mb_open_protection(lua_State *L);
void mb_open_missing(lua_State *L);

// calls.c
int mb_invoke_native(lua_State *L, mb_vm *vm, int32_t function, int32_t tables);
int32_t mb_protect(mb_vm *vm, lua_CFunction body);
int32_t mb_take_error(lua_State *L, mb_vm *vm);
int mb_make_values(mb_vm *vm, size_t base);
int mb_make_error(mb_vm *vm);
int mb_reference_from(mb_vm *vm, lua_State *from, int index);
int mb_suspend(lua_State *L, mb_vm *vm);
// Runs the pending __close handlers of a coroutine and empties it; what stays is how that ended.
int mb_reset(mb_vm *vm, lua_State *co);
// The same for one that may wait, with the coroutines that wait inside of it.
void mb_cancel(mb_vm *vm, lua_State *co);
void mb_note_error(mb_vm *vm, lua_State *L, int level);

// limits.c
// Raises what ends a killed turn.
_Noreturn void mb_raise_kill(lua_State *L, mb_vm *vm);
static inline int mb_is_killed(const mb_vm *vm) {
  return atomic_load_explicit(&vm->killed, memory_order_relaxed);
}
// Asked now and then by C code that can run long, which no hook interrupts.
static inline void mb_poll(lua_State *L, mb_vm *vm) {
  if (mb_is_killed(vm)) mb_raise_kill(L, vm);
}
// Ends the scope under way, if Lua runs in it; may be called in the middle of an instruction.
void mb_kill(mb_vm *vm, int reason);
// Makes the coroutine that runs ask at its next instruction.
void mb_interrupt(mb_vm *vm);
void mb_note_kill(lua_State *L, mb_vm *vm);
// Leaves the place for `mb_error_line` and its like, and gives the status of the entry.
int32_t mb_report_kill(mb_vm *vm);
// A coroutine that was killed is never resumed, closed or reset.
void mb_mark_killed(lua_State *co);
bool mb_was_killed(lua_State *co);
// Asked by the allocator once the quota is passed; true refuses.
bool mb_over_quota(mb_vm *vm, const void *block, size_t old_size, size_t held, size_t new_size);

void mb_enter_outermost(mb_vm *vm);
void mb_leave_outermost(mb_vm *vm);
static inline void mb_enter(mb_vm *vm) {
  if (vm->entered++ == 0) mb_enter_outermost(vm);
}
// Whoever is returned to is told as well that the scope must end.
static inline void mb_leave(mb_vm *vm) {
  if (mb_is_killed(vm)) {
    vm->entered--;
    mb_interrupt(vm);
    vm->entered++;
  }
  if (--vm->entered == 0) mb_leave_outermost(vm);
}

// Where the C stack of this thread is nearly used up.
extern _Thread_local char *mb_stack_end;
static inline bool mb_has_stack(void) { return (char *)__builtin_frame_address(0) > mb_stack_end; }
// Asked by C functions that call Lua, each time.
static inline void mb_check_stack(lua_State *L) {
  if (!mb_has_stack()) luaL_error(L, "C stack overflow");
}

// watchdog.c
void mb_watch_enter(mb_vm *vm);
void mb_watch_leave(mb_vm *vm);
void mb_unwatch(mb_vm *vm);

// attenuation.c
// Gives what stands from `first` to the top of the stack the rights of somebody with this grant.
void mb_attenuate(lua_State *L, mb_vm *vm, uint16_t grant, int first);
void mb_open_errors(lua_State *L);

// actions.c
int mb_call_action(lua_State *L);

#endif
