// The line editor of the command, over libedit: multi-line entries, paste as one entry, completion, history,
// and lines of others that appear while somebody types.
//
// libedit takes its options as variable arguments, which Swift cannot pass, and calls back with its own types.
#ifndef CMOONTERMINAL_H
#define CMOONTERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

typedef struct mt_editor mt_editor;

// What the editor asks whoever made it; called on the thread that reads, while it reads.
typedef struct mt_callbacks {
  void *owner;
  // Whether more lines belong to this text, so that Enter goes to another one.
  bool (*is_incomplete)(void *owner, const char *text);
  // What could stand behind this text; answers with `mt_complete` and `mt_show`.
  void (*complete)(void *owner, mt_editor *editor, const char *before);
  // `mt_wake` was called; answers with `mt_show` and `mt_leave`.
  void (*woken)(void *owner, mt_editor *editor);
} mt_callbacks;

// How a read ended.
enum {
  MT_LINE = 0,
  // Ctrl-D on an empty line, or the terminal has gone.
  MT_END = 1,
  // Ctrl-C: what was typed is dropped.
  MT_INTERRUPTED = 2,
  // `mt_leave` was called.
  MT_LEFT = 3,
};

// An editor on a terminal; NULL when libedit cannot use it. The descriptors stay the caller's.
mt_editor *_Nullable mt_editor_new(int input, int output, mt_callbacks callbacks);
void mt_editor_free(mt_editor *editor);

// Reads an entry; `prompt` may hold \001 around what takes no column. The text is valid until the next call.
int mt_read(mt_editor *editor, const char *prompt, const char *_Nullable *_Nonnull text, size_t *length);
// Adds an entry to those that the arrow keys lead to.
void mt_remember(mt_editor *editor, const char *text);

// For callbacks: replaces so many characters before the cursor.
void mt_complete(mt_editor *editor, int replaced, const char *text);
// For callbacks: writes whole lines above what is being typed.
void mt_show(mt_editor *editor, const char *text);
// For callbacks: ends the read.
void mt_leave(mt_editor *editor);

// From any thread: calls `woken` soon, if somebody reads.
void mt_wake(mt_editor *editor);
// From any thread: the terminal has another size.
void mt_resized(mt_editor *editor);
// From any thread, before the process ends at once: the terminal as it was found.
void mt_restore(const mt_editor *editor);
// Waits for a key, which is taken, or for `mt_wake`; tells whether it was a key.
bool mt_wait_key(mt_editor *editor);

// How many columns a terminal has; 0 when it is none.
int mt_columns(int descriptor);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
