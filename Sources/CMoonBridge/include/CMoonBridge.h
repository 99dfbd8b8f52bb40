// The contract between Swift and Lua.
//
// Lua raises with longjmp, which must never cross a Swift frame. So every call that can raise, allocate
// or yield is made here, in C, and always below a protected call or a resume that is also made here:
//
//   Swift -> mb_* function -> lua_pcall or lua_resume -> Lua -> C function -> Swift callback
//
// A Swift callback takes plain arguments, gives back a status, and has returned before C pushes its
// result, raises its error or yields. Values cross as `mb_value` tokens in one growable buffer that is
// used as a stack, so that nested calls never overwrite what an outer one still reads.
#ifndef CMOONBRIDGE_H
#define CMOONBRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

// ---------------------------------------------------------------------------------------------------
// Values

enum {
  MB_NIL = 0,
  MB_FALSE = 1,
  MB_TRUE = 2,
  MB_INTEGER = 3,
  MB_NUMBER = 4,
  MB_STRING = 5,
  // The explicit null, a value of its own beside nil.
  MB_NULL = 6,
  // A userdata that stands for something Swift owns.
  MB_OBJECT = 7,
  // A value kept in the registry: `bits` is its reference, `extra` its Lua type.
  MB_REFERENCE = 8,
  // A table: `bits` elements follow.
  MB_ARRAY = 9,
  // A table: `bits` pairs of key and value follow.
  MB_MAP = 10,
  // A table without elements, of which nobody has said whether it is an array or a map.
  MB_EMPTY = 11,
  // The function of an action: `bits` is its number.
  MB_ACTION = 12,
};

// One token. `bits` holds an integer, the bit pattern of a double, the length of a string, or a count;
// `pointer` holds the bytes of a string (valid while its Lua value is anchored or, on the way to Lua,
// until the call returns) or the object.
//
// **Who keeps an object alive on its way.** A value that holds its object (MB_HELD) has a reference of its own, which
// goes over to the machine with the value: whatever ends in between (a turn, a store, a version of a script), the
// object is there when it is pushed. The machine gives the reference up when the value goes, in `mb_let_go` for the
// single results of callbacks and in `mb_tokens_truncate` for tokens, through the queue of `mb_vm_next_released`.
// What Swift hands to C holds its object, always. What C hands to Swift does as well where nothing on Lua's stack
// anchors it (results of calls, errors); the arguments of a callback are anchored by the stack of the function that
// was called, and the object of a metamethod by its userdata, as long as the callback runs. The one exception are
// `mb_shortcuts`, for the reason that is given there.
typedef struct mb_value {
  uint32_t tag;
  uint32_t extra;
  int64_t bits;
  const void *_Nullable pointer;
} mb_value;

// In `extra` of a reference and in `bits` of an object: the value holds what `pointer` points to, for a reference
// the object that keeps it.
enum { MB_HELD = 1 << 30 };

// What a userdata made by the bridge holds. `grant` says which rights its holder has: 0 is the owner.
typedef struct mb_object {
  uint32_t magic;
  uint16_t kind;
  uint16_t grant;
  const void *_Nullable pointer;
} mb_object;

// A key on its way from Lua: an integer, a string, or (at the start of an iteration) nil.
// `symbol` is the number that Swift knows a string by, or 0; Swift fills it in once it has looked it up,
// and C remembers it by the address of the interned string.
typedef struct mb_key {
  uint32_t tag;
  uint32_t symbol;
  int64_t bits;
  const char *_Nullable pointer;
} mb_key;

// What a callback returns when it is no count of results.
enum {
  // Raise the error that `mb_set_error` has left.
  MB_RAISE = -1,
  // Suspend the running coroutine until `mb_run_resume`.
  MB_SUSPEND = -2,
  // Drive: raise the error value that the driven run ended with.
  MB_RERAISE = -3,
};

typedef struct mb_vm mb_vm;
typedef struct mb_run mb_run;

// ---------------------------------------------------------------------------------------------------
// What Swift implements. None of these may call a function of this header that is marked [enters Lua]
// other than through its own protected entry, and none may keep a pointer that it was given.

typedef struct mb_callbacks {
  void *owner;
  // A native function was called with `count` argument tokens from index `base` of the token buffer. With
  // MB_AS_TOLD_DATA a negative count says which argument is no data: one token says where in it and why, and the
  // native fails.
  int32_t (*native)(void *owner, int32_t function, size_t base, int32_t count);
  // object[key]; the result goes to `result`. Results come empty (MB_NIL), and what is left there is the machine's
  // also where the callback fails.
  int32_t (*index)(void *owner, const mb_object *object, mb_key *key, mb_value *result);
  // object[key] = value; the tokens of the value begin at index `base`.
  int32_t (*assign)(void *owner, const mb_object *object, mb_key *key, size_t base);
  // #object
  int32_t (*length)(void *owner, const mb_object *object, int64_t *result);
  // The pair after `key`; a result key of nil ends the iteration.
  int32_t (*next)(void *owner, const mb_object *object, mb_key *key, mb_value *next_key,
                  mb_value *value);
  // table.insert(object, position, value); position 0 is the end.
  int32_t (*insert)(void *owner, const mb_object *object, int64_t position, size_t base);
  // table.remove(object, position); position 0 is the end.
  int32_t (*remove)(void *owner, const mb_object *object, int64_t position, mb_value *result);
  // tostring(object); the text is left with `mb_set_text`.
  void (*describe)(void *owner, const mb_object *object);
  // A value cannot be data: `path` leads from the assigned value to the part that cannot.
  void (*refuse)(void *owner, const mb_object *_Nullable object, const mb_key *_Nullable key,
                 const char *path, size_t path_length, const char *reason);
  // A script called object:name(...), and there is nothing of that name; the error is left with
  // `mb_set_error`.
  void (*missing)(void *owner, const mb_object *object, const char *name);
  // A driver called an action: run it as a turn. The run that it ended in is left with
  // `mb_set_driven`.
  int32_t (*drive)(void *owner, int32_t action);
  // How far the turn has come, for `rollback`.
  int64_t (*savepoint)(void *owner);
  // A protected call failed: undo what was done since. The coroutine that failed has run ever since the savepoint was
  // taken, or has been resumed then, so that all of it is its own work or that of what it has called.
  void (*rollback)(void *owner, int64_t savepoint);
  // What runs until `end_group` is one transaction, or with an object one patch of it; `target` is then what the
  // function of the patch gets.
  int32_t (*begin_group)(void *owner, const mb_object *_Nullable object, mb_value *target);
  // The innermost group has ended. One that did not succeed is undone.
  int32_t (*end_group)(void *owner, bool succeeded);
  // The error that was raised stands at this place.
  void (*locate)(void *owner, const void *error, const char *source, int32_t line);
  // An action is called through a function that was handed out with this grant.
  int32_t (*authorize)(void *owner, int32_t action, uint16_t grant);
  // Two handles have different objects: whether they are of the same store all the same.
  bool (*same_store)(void *owner, const void *one, const void *other);
  // The object as it is now, for an error that is raised: nothing that leads to live state.
  int32_t (*snapshot)(void *owner, const mb_object *object, mb_value *result);
  // What a script has raised, where that is what the error carries: appends the value, and its text where the
  // script's own __tostring has made one; returns how many tokens it has appended.
  int32_t (*raised)(void *owner, const void *error);
  // What a part of state is, for array.is and map.is: MB_ARRAY, MB_MAP or MB_EMPTY.
  int32_t (*kind)(void *owner, const mb_object *object);
  // Takes a reference to the object, for a userdata or a token. Returns how many bytes the owner has taken up since it
  // was last asked, for what scripts keep alive.
  size_t (*retain)(void *owner, const void *pointer);
  // The queue of `mb_vm_next_released` should be emptied now, if that can be.
  void (*release)(void *owner);
} mb_callbacks;

// The short way to what most accesses are about: fields and elements of objects that the holder has all rights
// on, under a key that has a symbol, or is a whole number where `symbol` is 0. Either may answer false; it has
// done nothing then, and the callbacks above are asked.
typedef struct mb_shortcuts {
  const void *context;
  // The kinds of objects that it is asked about, as bits.
  uint32_t kinds;
  // Leaves a scalar, a string that lives in the machine's scratch buffer, an object or an action. The object is not
  // held: the place in the state, or in the cache of a getter, where it was found keeps it. That is enough, since
  // nothing that could change this place runs before the object is pushed: this function evaluates nothing, ends
  // nothing and calls no script; C pushes at once; and a collection that making the userdata sets off only queues what
  // it lets go of.
  bool (*get)(const void *context, mb_vm *vm, const mb_object *object, uint32_t symbol, int64_t index,
              mb_value *result);
  // The value is a scalar or a string.
  bool (*set)(const void *context, const mb_object *object, uint32_t symbol, const mb_value *value);
} mb_shortcuts;

// ---------------------------------------------------------------------------------------------------
// The virtual machine

// Makes a virtual machine with the safe part of the standard library; NULL when memory is short.
mb_vm *_Nullable mb_vm_new(const mb_callbacks *callbacks);
// From now on `pairs` and `next` walk over plain tables in an order that is the same in every process.
void mb_set_ordered(mb_vm *vm);
// Closes it, which nothing may do while it is entered. Objects that it held are in the release queue until
// `mb_vm_free`.
void mb_vm_close(mb_vm *vm);
// Whether a call from Swift is under way, so that a callback is on the stack or could come to be.
bool mb_vm_is_entered(const mb_vm *vm);
// Forgets which symbols strings have, before one is given to another string; not while Lua runs.
void mb_forget_symbols(mb_vm *vm);
void mb_vm_free(mb_vm *vm);
// Bytes that Lua holds.
size_t mb_vm_memory(const mb_vm *vm);
// The most that Lua has held above its quota, or 0.
size_t mb_vm_peak(const mb_vm *vm);
// The version of the linked Lua, such as "Lua 5.4".
const char *mb_lua_release(void);
// The same as a number, such as 50404.
int32_t mb_lua_release_number(void);
// Whether the linked Lua's luaV_concat uses memory that it has freed.
bool mb_lua_has_concatenation_bug(void);
// [enters Lua] A full collection.
void mb_vm_collect(mb_vm *vm);
// The next object that Lua has let go of, or NULL.
const void *_Nullable mb_vm_next_released(mb_vm *vm);
// Whether something in Lua carries a grant, or may: what was collected does not.
bool mb_carries_grant(const mb_vm *vm, uint16_t grant);

// Ends what runs, from whatever thread: C code that runs long sees it.
void mb_vm_kill(mb_vm *vm);

// Whether the code that runs is a driver's: its calls are turns of their own.
bool mb_vm_is_driving(const mb_vm *vm);
void mb_vm_set_driving(mb_vm *vm, bool driving);

// ---------------------------------------------------------------------------------------------------
// Limits. A scope shares one budget of time: an outermost call from Swift, or what lies between
// `mb_scope_begin` and `mb_scope_end`, such as a turn. Once it has run over a limit, Lua in it ends, nothing
// catches that, and each call into Lua fails at once with MB_KILLED + the reason, until the scope has ended.

enum { MB_KILLED_TIME = 1, MB_KILLED_MEMORY = 2, MB_KILLED = 32 };

typedef struct mb_scope {
  uint64_t number;
  int64_t budget;
  int32_t entered;
  int32_t killed;
  bool is_open;
} mb_scope;

// Puts the machine under the watchdog, without which no budget counts; false when there can be no thread.
// `stuck` is called on the watchdog's thread, once for each scope that has gone on for ten of its budgets: it
// may not use the machine, nor make or close one.
bool mb_vm_watch(mb_vm *vm, void (*_Nullable stuck)(void *_Nullable context, double seconds),
                 void *_Nullable context);
// Names what runs from now on, for whoever may ask for its end; 0 for what nobody may end.
void mb_vm_set_piece(mb_vm *vm, uint64_t piece);
// Whether somebody has asked for the end of what runs now.
bool mb_vm_is_unwanted(const mb_vm *vm);
// Tells watched machines apart, also those that are gone; 0 for one that is not watched.
uint64_t mb_vm_identity(const mb_vm *vm);
// From any thread: ends what runs under this name in a machine, as if it had run over its time. Whatever else
// runs goes on, and a machine that is gone is none.
void mb_end_piece(uint64_t identity, uint64_t piece);
// The time of each outermost call from now on; 0 is no limit.
void mb_vm_set_budget(mb_vm *vm, int64_t nanoseconds);
// Bytes that Lua may hold; 0 is no limit.
void mb_vm_set_memory(mb_vm *vm, size_t bytes);
// Begins a scope with a budget of its own, inside another one or not; returns the one around it.
mb_scope mb_scope_begin(mb_vm *vm, int64_t nanoseconds);
// [enters Lua] Ends it; returns why it was killed, or 0.
int32_t mb_scope_end(mb_vm *vm, mb_scope outer);
// [enters Lua] If it was killed, begins it anew, for what has to be done afterwards; returns why, or 0.
int32_t mb_scope_renew(mb_vm *vm);
// Of what was ended last: from which line of the traceback on it is the work of the call that has lasted, 0 for all
// of it and -1 for none; and the action that was called, or -1.
int32_t mb_blamed_level(const mb_vm *vm);
int32_t mb_blamed_action(const mb_vm *vm);
// Whether what runs in the scope under way may go on. Asked now and then by what takes long and is no Lua: false
// once the scope has run over a limit, of which Lua that has called it is told as well.
bool mb_vm_may_go_on(mb_vm *vm);
// Why the scope under way was killed, or 0.
int32_t mb_vm_killed(const mb_vm *vm);
// Whether something was killed after which a new machine is better.
bool mb_vm_is_suspect(const mb_vm *vm);
// The names of the scripts that had something on a stack when that was killed, each with a 0 behind it, since
// they were last forgotten.
const char *_Nullable mb_vm_ended_scripts(const mb_vm *vm, size_t *length);
void mb_vm_forget_ended_scripts(mb_vm *vm);
// Why the run was killed, or 0; its error is the one that `mb_error_line` and its like tell of.
int32_t mb_run_killed(const mb_run *run);

// ---------------------------------------------------------------------------------------------------
// The token buffer. Indices, not pointers, are kept across calls, since the buffer can move.

size_t mb_token_count(const mb_vm *vm);
mb_value *mb_tokens(mb_vm *vm);
// References in the tokens that go, and that no caller has taken over, are released, and what they hold is let go of.
void mb_tokens_truncate(mb_vm *vm, size_t count);
// Takes over the reference in a token: from now on the caller releases it.
int32_t mb_token_adopt(mb_vm *vm, size_t index);
// Appends a token; the bytes of a string are copied when `copies` says so, and the reference of one that holds its
// object goes over to the buffer.
void mb_token_append(mb_vm *vm, mb_value token, bool copies);
// Leaves the error that MB_RAISE raises. The virtual machine takes over one reference to it.
void mb_set_error(mb_vm *vm, const void *_Nullable error);
// Leaves a text for `describe`.
void mb_set_text(mb_vm *vm, const char *_Nullable bytes, size_t length);
// Copies bytes to where they stay valid until the next call, for a string in an `mb_value`.
const char *mb_scratch(mb_vm *vm, const char *_Nullable bytes, size_t length);
// The same for the key that `next` hands out, which must last beside its value.
const char *mb_scratch_key(mb_vm *vm, const char *_Nullable bytes, size_t length);

// ---------------------------------------------------------------------------------------------------
// Calls from Swift. Each is protected. 0 is success, with result tokens appended to the buffer;
// otherwise one token, the error value, is appended and `mb_traceback` tells where it happened.

// How tables cross on the way out of Lua.
enum {
  // As data, copied; functions and other handles are refused.
  MB_AS_DATA = 0,
  // As references.
  MB_AS_REFERENCE = 1,
  // As data where they are data without metatables, and otherwise as references, for whoever says what is wrong.
  MB_AS_STATE = 2,
  // To a native as data; it is told of an argument that is none, in place of an error that names no function. A
  // coroutine crosses as a reference.
  MB_AS_TOLD_DATA = 3,
  // Of a function that may change or drop what it was given: the first result, where it is false or a table; any other
  // leaves things as they are, and does not cross.
  MB_AS_VERDICT = 4,
};

// [enters Lua] Compiles text; the result is a reference to the function. `environment` is a reference to
// the table of its globals, or 0 for the machine's own.
int32_t mb_load(mb_vm *vm, const char *source, size_t length, const char *name, int32_t environment);
// What the compiler has made of a function, for the caller to free; NULL when memory is short. Lua trusts it blindly:
// it is for the host's own code, in the process that has compiled it.
char *_Nullable mb_compiled(mb_vm *vm, int32_t function, size_t *length);
// [enters Lua] The function that `mb_compiled` has told of, as a reference.
int32_t mb_load_compiled(mb_vm *vm, const void *bytes, size_t length);
// [enters Lua] Calls a function with the argument tokens from `base`, which are taken off the buffer.
int32_t mb_call(mb_vm *vm, int32_t function, size_t base, int32_t tables);
// [enters Lua] Calls a getter with one object; its single result crosses as data that may hold objects. Where the
// stack of the caller ends, it is called once more on a fresh one.
int32_t mb_call_getter(mb_vm *vm, int32_t function, mb_value self);
// How often a stack of Lua or of C was found used up, also where a script has caught the error.
uint64_t mb_vm_exhaustions(const mb_vm *vm);
// [enters Lua] table[key] without metamethods; `base` holds the key.
int32_t mb_table_get(mb_vm *vm, int32_t table, size_t base, int32_t tables);
// [enters Lua] table[key] = value without metamethods; `base` holds key and value.
int32_t mb_table_set(mb_vm *vm, int32_t table, size_t base);
// [enters Lua] The next pair after the key at `base`, as two tokens; none at the end.
int32_t mb_table_next(mb_vm *vm, int32_t table, size_t base, int32_t tables);
// [enters Lua] The table as data; `strict` refuses metatables. The error is a text: the path to the part
// that is no data, then ": " and the reason.
int32_t mb_table_data(mb_vm *vm, int32_t table, bool strict);
// [enters Lua] The fields of a table, name and value by turns: a value is a token as MB_AS_REFERENCE makes it, or
// an MB_MAP of names and functions where it is a table of nothing else. A key that is no text is MB_NIL. The
// `pointer` of a function is the line at which it begins, NULL if there is none. The texts are the table's own.
int32_t mb_table_fields(mb_vm *vm, int32_t table);
// The length of a table without metamethods.
int64_t mb_table_length(mb_vm *vm, int32_t table);
// [enters Lua] A table with this content; the result is a reference.
int32_t mb_make_reference(mb_vm *vm, size_t base);
// [enters Lua] The table of globals, as a reference.
int32_t mb_globals(mb_vm *vm);
// [enters Lua] A function that calls `native` with this number; the result is a reference. With
// `tables` MB_AS_REFERENCE its table arguments cross as references.
int32_t mb_make_native(mb_vm *vm, int32_t function, int32_t tables);
// [enters Lua] Puts such functions into a table: from `base` on a name, a number, and whether table arguments cross
// as references, and so on.
int32_t mb_set_natives(mb_vm *vm, int32_t table, size_t base);
// [enters Lua] What a value's own __tostring makes of it, as one string token; none without one.
int32_t mb_custom_text(mb_vm *vm, int32_t reference);
// [enters Lua] The __name in the metatable of a table, as one string token; none without one. Runs no script.
int32_t mb_type_name(mb_vm *vm, int32_t reference);
// Tells tables and functions apart while they live; NULL for what has no identity.
const void *_Nullable mb_reference_identity(mb_vm *vm, int32_t reference);
void mb_release_reference(mb_vm *vm, int32_t reference);
// Where a Lua function was defined; false when the reference is none.
bool mb_function_place(mb_vm *vm, int32_t function, char *source, size_t size, int32_t *line);

// Of the last call that failed.
const char *mb_traceback(const mb_vm *vm);
// "source" and line of the innermost Lua function of the last call that failed; line 0 when unknown.
const char *mb_error_source(const mb_vm *vm);
int32_t mb_error_line(const mb_vm *vm);
// What the __tostring of the error value of the last call that failed makes of it; NULL without one.
const char *_Nullable mb_error_text(const mb_vm *vm, size_t *length);
// The innermost action of the last call that failed, or -1.
int32_t mb_error_action(const mb_vm *vm);

// ---------------------------------------------------------------------------------------------------
// Runs: pooled coroutines in which actions, handlers and drivers run.

enum { MB_RUN_DONE = 0, MB_RUN_WAITING = 1, MB_RUN_FAILED = 2, MB_RUN_NONE = 3 };

// A coroutine from the pool; NULL when memory is short.
mb_run *_Nullable mb_run_new(mb_vm *vm);
// [enters Lua] Starts a function with the argument tokens from `base`. Results or the error value stay
// on the coroutine until they are taken or moved.
int32_t mb_run_start(mb_run *run, int32_t function, size_t base);
// [enters Lua] Starts an action with the arguments that the driver of `drive` called it with.
int32_t mb_run_start_driven(mb_run *run, int32_t action);
// [enters Lua] Starts an action with argument tokens; its handle is added as self.
int32_t mb_run_start_action(mb_run *run, int32_t action, size_t base);
// What a run begins with, and under which conditions.
typedef struct mb_beginning {
  // An action, whose handle is added as self, or a function.
  int32_t function;
  bool is_action;
  // Whether its results are asked for.
  bool gives_result;
  // 1 and -1 say whether the turn under way is the run's; 0 leaves it to what the run begins with.
  int8_t owns_turn;
  // Why it may not wait; 0 where it may.
  int32_t wait_refusal;
  // Where its argument tokens begin.
  size_t base;
} mb_beginning;
// [enters Lua] Runs something from its beginning up to its end or its first wait. What ends well with no result that is
// asked for, or with a scalar, leaves that in `result`, and its coroutine is in the pool again: most calls need no more.
// Otherwise `run` is what goes on, or still holds its results or its error. MB_RUN_NONE when memory is short.
int32_t mb_run_once(mb_vm *vm, mb_beginning beginning, mb_value *result, mb_run *_Nullable *_Nonnull run);
// [enters Lua] Goes on with the tokens from `base` as the results of the call that waits.
int32_t mb_run_resume(mb_run *run, size_t base);
// [enters Lua] Goes on by raising the error that `mb_set_error` has left.
int32_t mb_run_resume_error(mb_run *run);
// [enters Lua] Goes on with the results, or the error, in which another run ended.
int32_t mb_run_resume_from(mb_run *run, mb_run *other, bool failed);
// [enters Lua] Appends the results as tokens; 0 when they could cross.
int32_t mb_run_take_results(mb_run *run, int32_t tables);
// [enters Lua] Appends the error value as one token.
void mb_run_take_error(mb_run *run);
int32_t mb_run_result_count(const mb_run *run);
// Appends the arguments of the call that `drive` is about as tokens, without the store that comes first, and tells how
// many there are. One that cannot cross is nil.
int32_t mb_append_driver_arguments(mb_vm *vm);
// Leaves the run whose results or error `drive` hands to the driver.
void mb_set_driven(mb_vm *vm, mb_run *run);
// Names the chunk of the script whose code runs, and the line where it stands; false when none does. With
// `wanted` that of the innermost function of this chunk.
bool mb_running_place(mb_vm *vm, const char *_Nullable wanted, char *source, size_t size, int32_t *line);
// Gives the coroutine back to the pool. One that waits or failed is reset first, in protected mode.
void mb_run_release(mb_run *run);
// Why the code that asks cannot be suspended, and 0 where it can.
enum {
  // A getter, or a function that C code calls, is in between.
  MB_WAIT_BLOCKED = 1,
  // It is a part of what is one transaction.
  MB_WAIT_GROUP = 2,
  // It was called by Swift code that cannot wait.
  MB_WAIT_CALLER = 3,
};
int32_t mb_wait_refusal(const mb_vm *vm);
// Refuses waits in the run from now on, for one of these reasons, or allows them again.
void mb_run_refuse_waits(mb_run *run, int32_t refusal);

// Why the code that asks cannot commit, and 0 where it can.
enum {
  // The turn began with something else.
  MB_COMMIT_PART = 1,
  // An action has called the action that asks, whose number is left in `action`.
  MB_COMMIT_CALLEE = 2,
};
int32_t mb_commit_refusal(const mb_vm *vm, int32_t *action);
// Whether a function on the stacks of a run that waits has this table as its globals; `globals` is what
// `mb_reference_identity` tells of it. Only the innermost 1,000 levels of each stack are looked at.
bool mb_run_uses(mb_run *run, const void *_Nullable globals);
// Whether the turn under way is the run's: it began it, or goes on in it, and nothing else in it is half-done. Where
// nothing is said, it is so for an action.
void mb_run_set_owns_turn(mb_run *run, bool owns);
// [enters Lua] transaction(function, ...) and patch(object, function): two reference tokens.
int32_t mb_make_groups(mb_vm *vm);

// ---------------------------------------------------------------------------------------------------
// Actions: functions that scripts call as store:action(...). The function behind a number can be
// replaced while callers keep what they have.

enum {
  // The function takes the store's handle as its first argument.
  MB_ACTION_TAKES_SELF = 1,
  // Calls go through the dispatcher, since middleware or hooks are registered.
  MB_ACTION_HOOKED = 2,
  // Implemented in Swift: calls go to `native` with the number `function`.
  MB_ACTION_NATIVE = 4,
  // Its store was disposed of by the turn under way, which may still put it back.
  MB_ACTION_GONE = 8,
};

// [enters Lua] The userdata for a store's object, which is the token at `base`, as one reference token.
int32_t mb_make_handle(mb_vm *vm, size_t base);
// Makes an action and gives its number; -1 when memory is short. `handle` is a reference to the store's userdata,
// which outlives the action.
int32_t mb_action_new(mb_vm *vm, const void *store, int32_t handle, int32_t function, uint32_t flags);
// [enters Lua] Makes the function that the owner of an action gets, unless it was made before.
int32_t mb_action_own(mb_vm *vm, int32_t action);
// That function, which stays the action's; 0 before it was made.
int32_t mb_action_own_reference(const mb_vm *vm, int32_t action);
void mb_action_set_flags(mb_vm *vm, int32_t action, uint32_t flags);
void mb_action_set_function(mb_vm *vm, int32_t action, int32_t function);
void mb_action_free(mb_vm *vm, int32_t action);
// Writes the names of the parameters that callers give, one a line; `...` stands for any others. False for an
// action that is no Lua function.
bool mb_action_parameters(mb_vm *vm, int32_t action, char *names, size_t size);
// The function that calls of hooked actions go through: dispatcher(number, self, ...).
void mb_set_dispatcher(mb_vm *vm, int32_t function);
// [enters Lua] What the dispatcher needs: invoke(code, takesSelf, number, self, ...), codeOf(number) and
// keepPlan(number, plan); three reference tokens.
int32_t mb_make_invoker(mb_vm *vm);
// [enters Lua] A table of functions that give values the rights of a holder: attenuate(grant, ...), and for
// the frame of a layer around an action see(frame, grant, ...) and handOn(frame, ...); one reference token.
int32_t mb_make_attenuator(mb_vm *vm);
// The kinds (a bit mask) that lead to live state.
void mb_set_live_kinds(mb_vm *vm, uint32_t kinds);
// [enters Lua] The function bind(function, value), which makes a function that passes the value on before
// its arguments; one reference token.
int32_t mb_make_binder(mb_vm *vm);
// [enters Lua] Two functions for the host's own Lua code, never for scripts: code(function) -> a number that
// stands for what the function was compiled from, or nil for a C function; captured(function, index) -> name
// and value of what it has captured. Two reference tokens.
int32_t mb_make_inspectors(mb_vm *vm);
// NULL takes them away.
void mb_set_shortcuts(mb_vm *vm, const mb_shortcuts *_Nullable shortcuts);
// The kind of object that store handles are.
void mb_set_handle_kind(mb_vm *vm, uint16_t kind);
// The kinds (a bit mask) whose `type` is "table".
void mb_set_table_kinds(mb_vm *vm, uint32_t kinds);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
