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
// The kind of errors that Swift has thrown.
#define MB_KIND_ERROR 1
// Lua interns strings up to this length (LUAI_MAXSHORTLEN), so that equal ones have one address.
#define MB_INTERNED_LENGTH 40
#define MB_KEY_CACHE 1024
#define MB_MAX_DEPTH 64
// From this length on a string that is put into the state does not take the short way.
#define MB_LONG_STRING 4096
// How many levels of a stack are looked through for calls of actions.
#define MB_MAX_CALLS 200
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

typedef struct mb_stretch mb_stretch;

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
  // MB_WAIT_GROUP or MB_WAIT_CALLER where the group or the caller that started it cannot wait for it.
  int32_t wait_refusal;
  // Whether the turn under way is the run's: 1 or -1 where Swift has said so, and 0 where it is for an action.
  int8_t owns_turn;
  bool is_action;
  // How many calls of actions on its stack may commit, and how many were there when it waited last.
  int32_t own_calls, waited_calls;
  // The next one in the pool, and the next one of all.
  mb_run *next, *next_of_all;
};

// What a coroutine does from the moment it is resumed until it yields, waits or ends. A savepoint is good only in
// the stretch that it was taken in: what is in the turn's log before and after may be the work of others.
struct mb_stretch {
  uint64_t serial;
  // How far the turn had come when the coroutine was resumed.
  int64_t savepoint;
  lua_State *co;
  // The run, for its own coroutine; NULL for one that a script has resumed.
  mb_run *run;
  mb_stretch *outer;
};

// How many of the calls that are open are known one by one, from the outermost on.
#define MB_OPEN_CALLS 16

// The calls that are open: entries from Swift, and actions that scripts call. The watchdog looks at them to find
// out whose call has lasted; what it reads may be a moment old.
typedef struct mb_open_calls {
  _Atomic int count;
  // Each call has a number of its own.
  uint64_t numbered;
  struct {
    _Atomic uint64_t serial;
    int32_t action;
  } call[MB_OPEN_CALLS];
} mb_open_calls;

struct mb_vm {
  lua_State *L;
  mb_callbacks callbacks;
  mb_shortcuts shortcuts;
  size_t memory;

  mb_value *tokens;
  size_t token_count, token_capacity;
  // Tokens in the buffer that own a reference of the registry or hold an object.
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
  // What its own __tostring makes of an error value, if it has one.
  char *error_text;
  size_t error_text_length;
  bool has_error_text;

  const void **released;
  size_t released_count, released_capacity;
  // Bytes that Swift has taken up and of which the collector does not know yet; see `mb_push_object`.
  size_t debt;

  // How many userdata carry each grant, by its number; unknown once there was no memory to count one.
  uint32_t *carried;
  uint32_t carried_capacity;
  bool carried_unknown;

  // Registry references.
  int proxies, granted_actions, raised, metatable, null, array_metatable, map_metatable, symbols, dispatcher, numbers;
  // On a Lua with a broken luaV_concat, see concatenation.c; 0 on others.
  int concat_event;
  // Whether `pairs` and `next` walk over plain tables in a stated order.
  bool ordered;
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
  // What runs now, innermost first: each lies in the C frame that has resumed its coroutine.
  mb_stretch *stretch;
  mb_stretch base;
  uint64_t stretches;
  // The coroutines in which groups are open, innermost last; those below `group_base` are open around the run that
  // runs now.
  lua_State **groups;
  int group_count, group_capacity, group_base;
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
  // How often a stack was found used up, and how often it was one that another one can take the place of: that of
  // C, or Lua's count of it; see deep.c.
  uint64_t exhaustions, c_exhaustions;
  // Stacks that are free, how many are in use, and how many coroutines were begun because one was used up.
  struct mb_stack *stack;
  int stacks_in_use, freshness;

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
    // How many lines of the traceback are above the call that has lasted, and its action; see accounts.c.
    int32_t above, lasting_action;
  } kill;
  mb_open_calls open_calls;
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
  _Atomic mb_clock clock;
  // The scope in which Lua was entered last: until it ends, its thread works for it, in Lua or not.
  _Atomic uint64_t entered_scope;
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
    // How often each place among the open calls was looked at, and the call that was there most often.
    int looks;
    struct {
      uint64_t serial, most;
      int count, most_count;
    } calls[MB_OPEN_CALLS];
  } watch;
  // The innermost call that has lasted for the greater part of what was over its time; 0 for none, and
  // MB_CALL_UNKNOWN where it was too short to tell.
  _Atomic uint64_t lasting;
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
// Pushes the value that begins at `at`; returns the index behind it. May raise; for a value that Lua could not hold
// the tokens from `base` on are dropped before.
size_t mb_decode(lua_State *L, mb_vm *vm, size_t at, size_t base);
bool mb_push_plain(lua_State *L, const mb_value *value);
// Makes a token hold its object, if it is one.
void mb_hold(mb_vm *vm, mb_value *token);
// Makes the results of a call, from the token at `from` on, last beyond the stack that they come from.
void mb_keep_results(mb_vm *vm, size_t from);
static inline bool mb_holds(const mb_value *value) {
  return value->tag == MB_OBJECT ? (value->bits & MB_HELD) != 0
                                 : value->tag == MB_REFERENCE && (value->extra & MB_HELD) != 0;
}
// Gives up what the result of a callback holds. To be called as soon as the callback has returned, whether it has
// failed or not: the value can still be pushed, however that ends, since only Swift empties the queue, and no Swift
// that could runs before C has gone on.
void mb_queue_release(mb_vm *vm, const void *pointer);
static inline void mb_let_go(mb_vm *vm, const mb_value *value) {
  if (mb_holds(value)) mb_queue_release(vm, value->pointer);
}
// Its address is the key under which metatables say that their tables are data.
extern const char mb_data_mark;
void mb_push_value(lua_State *L, mb_vm *vm, const mb_value *value);

// objects.c
void mb_open_objects(lua_State *L, mb_vm *vm);
void mb_push_object(lua_State *L, mb_vm *vm, uint16_t kind, uint16_t grant, const void *pointer);
int mb_fail(lua_State *L, mb_vm *vm, int32_t status);
void mb_push_error(lua_State *L, mb_vm *vm);
// Pushes the error of the host that was raised as the value on top of the stack; false when none was.
bool mb_push_origin(lua_State *L, mb_vm *vm);
void mb_locate(lua_State *L, mb_vm *vm, const void *error);
// Whether a table has the metatable of array() or map().
bool mb_is_marked(lua_State *L, mb_vm *vm, int index);
int mb_object_pairs_next(lua_State *L);
// `pairs` and `next` of a plain table in the stated order; `next` is what walks a table that is in order already.
int mb_ordered_pairs(lua_State *L, lua_CFunction next);
int mb_ordered_next(lua_State *L);
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
// Pushes a table that keeps its keys ("k") or its values ("v") from no collection.
void mb_push_weak_table(lua_State *L, const char *mode);
// Pushes what `tostring` makes of a value: luaL_tolstring without addresses.
const char *mb_tolstring(lua_State *L, int index, size_t *length);

// libraries.c, coroutines.c, protection.c, missing.c
void mb_open_libraries(lua_State *L, mb_vm *vm);
// Raises for a metatable that a script must not set: one with a finalizer.
void mb_check_metatable(lua_State *L, int index);
// Raises for a table whose metatable is protected, other than one that only says what the table is.
void mb_check_unprotected(lua_State *L, int index);
void mb_open_coroutines(lua_State *L);
void mb_open_protection(lua_State *L);
void mb_open_missing(lua_State *L);

// calls.c
// Raises an error in the words in which natives of Swift refuse an argument:
// "transaction: argument 1 must be a function, not nil".
int mb_refuse_argument(lua_State *L, const char *function, int position, const char *words);
int mb_invoke_native(lua_State *L, mb_vm *vm, int32_t function, int32_t tables);
int32_t mb_protect(mb_vm *vm, lua_CFunction body);
// The same where an error takes the place of the tokens from `base`.
int32_t mb_protect_from(mb_vm *vm, size_t base, lua_CFunction body);
int32_t mb_take_error(lua_State *L, mb_vm *vm);
// Appends an error of the bridge itself, which has no other text than this; always 1. `copies` where the text does
// not outlive the call.
int32_t mb_append_error(mb_vm *vm, const char *text, bool copies);
int mb_make_values(mb_vm *vm, size_t base);
int mb_make_error(mb_vm *vm);
int mb_reference_from(mb_vm *vm, lua_State *from, int index);
int mb_suspend(lua_State *L, mb_vm *vm);
// The coroutine that a waiting one has resumed and that waits itself; NULL when the wait is its own.
lua_State *mb_waiting_inner(lua_State *co);
// Runs the pending __close handlers of a coroutine and empties it; what stays is how that ended.
int mb_reset(mb_vm *vm, lua_State *co);
// The same for one that may wait, with the coroutines that wait inside of it.
void mb_cancel(mb_vm *vm, lua_State *co);
void mb_note_error(mb_vm *vm, lua_State *L, int level);

// deep.c
// Calls `body` once more after it has found a stack used up: on a coroutine of its own, which begins to count C calls
// anew, and where the C stack of the thread is nearly used up on another one. `base` and `exhaustions` are what the
// token count and the counter were before the first attempt, which ended with `status`.
int32_t mb_on_fresh_stack(mb_vm *vm, size_t base, uint64_t exhaustions, int32_t status,
                          int32_t (*body)(mb_vm *vm, void *context), void *context);
void mb_free_stacks(mb_vm *vm);

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
// Whether the scope under way has used its time up, noticed by the watchdog while no Lua ran.
static inline bool mb_is_overdue(const mb_vm *vm) {
  uint64_t scope = atomic_load_explicit(&vm->scope, memory_order_relaxed);
  return scope && atomic_load_explicit(&vm->overrun, memory_order_relaxed) == scope;
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
// Told by what catches an error of a script: whether a stack was used up.
void mb_note_caught(lua_State *L, mb_vm *vm, int status);

// groups.c
// Whether the running coroutine is inside of a group that it has begun itself, so that it cannot yield.
static inline bool mb_holds_group(const mb_vm *vm, const lua_State *L) {
  return vm->group_count > vm->group_base && vm->groups[vm->group_count - 1] == L;
}
// Raises what says that a group, or a caller that cannot wait, is around the code that asks to.
int mb_refuse_wait(lua_State *L, int32_t refusal);
// How many actions of the run call one another now, and the number of the innermost or -1; more than
// MB_MAX_CALLS where they are too deep to count.
int32_t mb_count_calls(const mb_vm *vm, int32_t *innermost);
// Some of the calls that were there when the run waited may have ended.
void mb_forget_calls(mb_vm *vm);
static inline void mb_note_return(mb_vm *vm) {
  if (vm->current && vm->current->waited_calls) mb_forget_calls(vm);
}

// accounts.c
#define MB_CALL_UNKNOWN UINT64_MAX
// Begins a call of an action, or with -1 of another function; gives what `mb_end_call` takes.
static inline int mb_begin_call(mb_vm *vm, int32_t action) {
  mb_open_calls *open = &vm->open_calls;
  int count = atomic_load_explicit(&open->count, memory_order_relaxed);
  if (count < MB_OPEN_CALLS) {
    open->call[count].action = action;
    atomic_store_explicit(&open->call[count].serial, ++open->numbered, memory_order_relaxed);
  }
  atomic_store_explicit(&open->count, count + 1, memory_order_relaxed);
  return count;
}
// Ends it, with all that it has called. What ends by an error is ended by what catches that.
static inline void mb_end_call(mb_vm *vm, int count) {
  atomic_store_explicit(&vm->open_calls.count, count, memory_order_relaxed);
}
static inline int mb_open_call_count(const mb_vm *vm) {
  return atomic_load_explicit(&vm->open_calls.count, memory_order_relaxed);
}
// On the watchdog's thread: looks at the open calls, of a scope that it sees for the first time or again; and says
// which one has lasted.
void mb_look_at_calls(mb_vm *vm, bool is_new);
void mb_choose_lasting_call(mb_vm *vm);
// Notes where the call that has lasted stands in the traceback of what is ended.
void mb_note_lasting_call(lua_State *L, mb_vm *vm);

// watchdog.c
void mb_watch_enter(mb_vm *vm);
void mb_watch_leave(mb_vm *vm);
void mb_unwatch(mb_vm *vm);

// places.c
// What the chunks of the host's own Lua are called in places.
#define MB_HOST_CHUNK "[host]"
// The innermost frame of a script from `level` on, with its place.
bool mb_find_script(lua_State *L, int level, lua_Debug *place);
// Pushes a place as luaL_where does, but never one in the host's Lua.
void mb_where(lua_State *L, int level);
// Moves an error text on top of L from a line of the host's Lua to that of a script; without one, the text loses its
// place. Allocates, and so may raise.
void mb_place_error(lua_State *L, const lua_Debug *script);
// The message handler that does it for the innermost script.
int mb_place_raised(lua_State *L);

// attenuation.c
// Gives what stands from `first` to the top of the stack the rights of somebody with this grant.
void mb_attenuate(lua_State *L, mb_vm *vm, uint16_t grant, int first);
// Counts one more userdata that carries a grant.
void mb_carry_grant(mb_vm *vm, uint16_t grant);
// Pushes the function for an action that holders of a grant get.
void mb_push_action(lua_State *L, mb_vm *vm, int32_t action, uint16_t grant);
void mb_open_errors(lua_State *L);

// actions.c
int mb_call_action(lua_State *L);
// The action whose call a frame of C is; -1 where it is none. Takes two places of the stack.
static inline int32_t mb_action_of(lua_State *L, lua_Debug *frame) {
  int32_t action = -1;
  lua_getinfo(L, "f", frame);
  if (lua_tocfunction(L, -1) == mb_call_action) {
    lua_getupvalue(L, -1, 1);
    action = (int32_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return action;
}

#endif
