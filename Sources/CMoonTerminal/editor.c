#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <histedit.h>

#include "CMoonTerminal.h"

// Sequences that no terminal sends: a function of ours pushes them to reach functions of libedit, which can
// only be called through keys.
#define KEY_PREVIOUS_LINE L"\033[99;1~"
#define KEY_NEXT_LINE L"\033[99;2~"
#define KEY_PREVIOUS_ENTRY L"\033[99;3~"
#define KEY_NEXT_ENTRY L"\033[99;4~"
#define KEY_ENTER L"\033[99;5~"
#define KEY_INTERRUPT L"\033[99;6~"
#define KEY_END L"\033[99;7~"

// A paste with more lines than this is held beside the line, since it would not fit on the screen.
#define PASTE_LINES 20

struct mt_editor {
  mt_callbacks callbacks;
  EditLine *edit;
  History *history;
  int input;
  FILE *in, *out, *errors;
  int wake[2];
  struct termios found;
  const char *prompt;
  char pasted_prompt[64];
  int ending;
  atomic_bool is_resized;
  // Bytes that were read and are no whole character yet.
  unsigned char bytes[256];
  size_t first, count;
  // Text as callbacks and callers get it.
  char *text;
  size_t text_size;
  // A long paste that belongs before the line.
  wchar_t *held;
  size_t held_length;
  bool has_gone;
};

// -- Text -------------------------------------------------------------------------------------------

static size_t encode(wchar_t character, char *to) {
  unsigned long c = (unsigned long)character;
  if (c < 0x80) {
    to[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    to[0] = (char)(0xC0 | c >> 6);
    to[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    to[0] = (char)(0xE0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 0x3F));
    to[2] = (char)(0x80 | (c & 0x3F));
    return 3;
  }
  to[0] = (char)(0xF0 | c >> 18);
  to[1] = (char)(0x80 | (c >> 12 & 0x3F));
  to[2] = (char)(0x80 | (c >> 6 & 0x3F));
  to[3] = (char)(0x80 | (c & 0x3F));
  return 4;
}

static bool reserve(mt_editor *editor, size_t size) {
  if (editor->text_size >= size) return true;
  char *text = realloc(editor->text, size);
  if (!text) return false;
  editor->text = text;
  editor->text_size = size;
  return true;
}

// What is held and a part of the line, as UTF-8.
static const char *text_of(mt_editor *editor, const wchar_t *line, size_t length, size_t *size) {
  size_t total = 0;
  if (!reserve(editor, (editor->held_length + length) * 4 + 1)) return "";
  for (size_t i = 0; i < editor->held_length; i++) total += encode(editor->held[i], editor->text + total);
  for (size_t i = 0; i < length; i++) total += encode(line[i], editor->text + total);
  editor->text[total] = 0;
  if (size) *size = total;
  return editor->text;
}

// The character that begins at a byte; how many bytes it has, or 0 when some are missing. What is no UTF-8
// becomes the replacement character.
static size_t decode(const unsigned char *bytes, size_t count, wchar_t *character) {
  unsigned char first = bytes[0];
  size_t length = first < 0x80 ? 1 : first >= 0xF0 && first < 0xF8 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first >= 0xF8) {
    *character = 0xFFFD;
    return 1;
  }
  unsigned long c = length == 1 ? first : first & (0x7F >> length);
  for (size_t i = 1; i < length; i++) {
    if (i >= count) return 0;
    if ((bytes[i] & 0xC0) != 0x80) {
      *character = 0xFFFD;
      return i;
    }
    c = c << 6 | (bytes[i] & 0x3F);
  }
  *character = (wchar_t)c;
  return length;
}

// UTF-8 as wide characters, to be freed.
static wchar_t *widened(const char *text, size_t *length) {
  size_t size = strlen(text);
  wchar_t *wide = malloc((size + 1) * sizeof *wide);
  if (!wide) return NULL;
  size_t count = 0;
  for (size_t at = 0; at < size; count++) {
    size_t taken = decode((const unsigned char *)text + at, size - at, &wide[count]);
    if (taken == 0) break;
    at += taken;
  }
  wide[count] = 0;
  if (length) *length = count;
  return wide;
}

static mt_editor *editor_of(EditLine *edit) {
  mt_editor *editor = NULL;
  el_wget(edit, EL_CLIENTDATA, &editor);
  return editor;
}

// -- Reading ----------------------------------------------------------------------------------------

static void drain(mt_editor *editor) {
  char bytes[64];
  while (read(editor->wake[0], bytes, sizeof bytes) > 0) {}
}

static int next_character(EditLine *edit, wchar_t *character) {
  mt_editor *editor = editor_of(edit);
  for (;;) {
    if (editor->ending == MT_LEFT) return 0;
    if (editor->count > 0) {
      size_t taken = decode(editor->bytes + editor->first, editor->count, character);
      if (taken > 0) {
        editor->first += taken;
        editor->count -= taken;
        return 1;
      }
    }
    memmove(editor->bytes, editor->bytes + editor->first, editor->count);
    editor->first = 0;
    struct pollfd wanted[2] = {
      {.fd = editor->input, .events = POLLIN},
      {.fd = editor->wake[0], .events = POLLIN},
    };
    if (poll(wanted, 2, -1) < 0 && errno != EINTR) return 0;
    if (wanted[1].revents) {
      drain(editor);
      if (atomic_exchange(&editor->is_resized, false)) {
        el_resize(edit);
        el_wset(edit, EL_REFRESH);
      }
      editor->callbacks.woken(editor->callbacks.owner, editor);
      continue;
    }
    if (!wanted[0].revents) continue;
    ssize_t count =
      read(editor->input, editor->bytes + editor->count, sizeof editor->bytes - editor->count);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) {
      editor->has_gone = true;
      return 0;
    }
    editor->count += (size_t)count;
  }
}

// -- Keys -------------------------------------------------------------------------------------------

static unsigned char on_enter(EditLine *edit, wint_t key) {
  (void)key;
  mt_editor *editor = editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  size_t length = (size_t)(line->lastchar - line->buffer);
  if (editor->callbacks.is_incomplete(editor->callbacks.owner, text_of(editor, line->buffer, length, NULL))) {
    el_winsertstr(edit, L"\n");
    return CC_REFRESH;
  }
  el_wpush(edit, KEY_ENTER);
  return CC_NORM;
}

static unsigned char on_interrupt(EditLine *edit, wint_t key) {
  (void)key;
  // At the end of the text, so that nothing is written over it; in one piece, since the order of several
  // differs between releases.
  el_wpush(edit, KEY_END KEY_INTERRUPT);
  return CC_NORM;
}

static unsigned char on_interrupted(EditLine *edit, wint_t key) {
  (void)key;
  editor_of(edit)->ending = MT_INTERRUPTED;
  return CC_EOF;
}

static unsigned char on_end(EditLine *edit, wint_t key) {
  (void)key;
  const LineInfoW *line = el_wline(edit);
  if (line->lastchar == line->buffer && editor_of(edit)->held_length == 0) {
    editor_of(edit)->ending = MT_END;
    return CC_EOF;
  }
  if (line->cursor < line->lastchar) {
    el_cursor(edit, 1);
    el_wdeletestr(edit, 1);
  }
  return CC_REFRESH;
}

static unsigned char on_tab(EditLine *edit, wint_t key) {
  (void)key;
  mt_editor *editor = editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  size_t length = (size_t)(line->cursor - line->buffer);
  const char *before = text_of(editor, line->buffer, length, NULL);
  editor->callbacks.complete(editor->callbacks.owner, editor, before);
  return CC_REFRESH;
}

static unsigned char on_up(EditLine *edit, wint_t key) {
  (void)key;
  const LineInfoW *line = el_wline(edit);
  const wchar_t *key_to_push = KEY_PREVIOUS_ENTRY;
  for (const wchar_t *at = line->buffer; at < line->cursor; at++)
    if (*at == L'\n') key_to_push = KEY_PREVIOUS_LINE;
  el_wpush(edit, key_to_push);
  return CC_NORM;
}

static unsigned char on_down(EditLine *edit, wint_t key) {
  (void)key;
  const LineInfoW *line = el_wline(edit);
  const wchar_t *key_to_push = KEY_NEXT_ENTRY;
  for (const wchar_t *at = line->cursor; at < line->lastchar; at++)
    if (*at == L'\n') key_to_push = KEY_NEXT_LINE;
  el_wpush(edit, key_to_push);
  return CC_NORM;
}

static void hold(mt_editor *editor, const wchar_t *line, size_t length, const wchar_t *paste, size_t count) {
  size_t total = editor->held_length + length + count + 1;
  wchar_t *held = realloc(editor->held, total * sizeof *held);
  if (!held) return;
  editor->held = held;
  wmemcpy(held + editor->held_length, line, length);
  wmemcpy(held + editor->held_length + length, paste, count);
  editor->held_length += length + count;
}

static void set_paste_prompt(mt_editor *editor) {
  size_t lines = 1;
  for (size_t i = 0; i < editor->held_length; i++) lines += editor->held[i] == L'\n';
  snprintf(editor->pasted_prompt, sizeof editor->pasted_prompt, "(%zu lines pasted) ", lines);
  editor->prompt = editor->pasted_prompt;
}

// What comes between the marks of a paste is text, whatever keys it looks like.
static unsigned char on_paste(EditLine *edit, wint_t key) {
  (void)key;
  mt_editor *editor = editor_of(edit);
  static const wchar_t end[] = L"\033[201~";
  size_t capacity = 1024, count = 0, lines = 0;
  wchar_t *paste = malloc(capacity * sizeof *paste);
  wchar_t character;
  bool is_whole = false;
  while (paste && !is_whole && next_character(edit, &character) == 1) {
    if (character == L'\r') character = L'\n';
    if (count + 8 > capacity) {
      wchar_t *grown = realloc(paste, (capacity *= 2) * sizeof *paste);
      if (!grown) break;
      paste = grown;
    }
    paste[count++] = character;
    is_whole = count >= 6 && wmemcmp(paste + count - 6, end, 6) == 0;
  }
  if (!paste) return CC_ERROR;
  if (is_whole) count -= 6;
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (paste[i] == L'\n') lines++;
    if (paste[i] >= L' ' || paste[i] == L'\n' || paste[i] == L'\t') paste[kept++] = paste[i];
  }
  paste[kept] = 0;
  if (lines <= PASTE_LINES) {
    // A tab would be shown as if it stood at the left edge.
    for (size_t i = 0; i < kept; i++)
      if (paste[i] == L'\t') paste[i] = L' ';
    el_winsertstr(edit, paste);
  } else {
    const LineInfoW *line = el_wline(edit);
    size_t length = (size_t)(line->lastchar - line->buffer);
    hold(editor, line->buffer, length, paste, kept);
    el_cursor(edit, (int)(line->lastchar - line->cursor));
    el_wdeletestr(edit, (int)length);
    set_paste_prompt(editor);
  }
  free(paste);
  return CC_REFRESH;
}

static char *prompt_of(EditLine *edit) { return (char *)editor_of(edit)->prompt; }

static void bind_keys(EditLine *edit) {
  static const struct {
    const wchar_t *name;
    unsigned char (*function)(EditLine *, wint_t);
  } functions[] = {
    {L"moon-enter", on_enter},       {L"moon-interrupt", on_interrupt}, {L"moon-interrupted", on_interrupted},
    {L"moon-end", on_end},           {L"moon-tab", on_tab},             {L"moon-up", on_up},
    {L"moon-down", on_down},         {L"moon-paste", on_paste},
  };
  static const wchar_t *const keys[][2] = {
    {L"^M", L"moon-enter"}, {L"^J", L"moon-enter"}, {L"^C", L"moon-interrupt"}, {L"^D", L"moon-end"},
    {L"^I", L"moon-tab"}, {L"\\e[A", L"moon-up"}, {L"\\eOA", L"moon-up"}, {L"^P", L"moon-up"},
    {L"\\e[B", L"moon-down"}, {L"\\eOB", L"moon-down"}, {L"^N", L"moon-down"},
    {L"\\e[200~", L"moon-paste"}, {L"^R", L"em-inc-search-prev"}, {L"\\e[3~", L"ed-delete-next-char"},
    {L"\\e[1~", L"ed-move-to-beg"}, {L"\\e[4~", L"ed-move-to-end"}, {L"\\e[H", L"ed-move-to-beg"},
    {L"\\e[F", L"ed-move-to-end"}, {L"\\e[1;5C", L"em-next-word"}, {L"\\e[1;5D", L"ed-prev-word"},
    {L"\\e[99;1~", L"ed-prev-line"}, {L"\\e[99;2~", L"ed-next-line"}, {L"\\e[99;3~", L"ed-prev-history"},
    {L"\\e[99;4~", L"ed-next-history"}, {L"\\e[99;5~", L"ed-newline"}, {L"\\e[99;6~", L"moon-interrupted"},
    {L"\\e[99;7~", L"ed-move-to-end"},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    el_wset(edit, EL_ADDFN, functions[i].name, L"Of the prompt.", functions[i].function);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    el_wset(edit, EL_BIND, keys[i][0], keys[i][1], NULL);
}

// -- The editor -------------------------------------------------------------------------------------

static void use_utf8(void) {
  // Whatever the surroundings say: the command speaks nothing else.
  static const char *const names[] = {"C.UTF-8", "en_US.UTF-8", "UTF-8"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (setlocale(LC_CTYPE, names[i])) return;
}

static FILE *stream(int descriptor, const char *mode) {
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  return copy < 0 ? NULL : fdopen(copy, mode);
}

mt_editor *mt_editor_new(int input, int output, mt_callbacks callbacks) {
  mt_editor *editor = calloc(1, sizeof *editor);
  if (!editor) return NULL;
  use_utf8();
  editor->callbacks = callbacks;
  editor->input = input;
  editor->prompt = "";
  editor->wake[0] = editor->wake[1] = -1;
  editor->in = stream(input, "r");
  editor->out = stream(output, "w");
  editor->errors = stream(output, "w");
  HistEvent event;
  if (!editor->in || !editor->out || !editor->errors || pipe(editor->wake) != 0 ||
      tcgetattr(input, &editor->found) != 0 ||
      !(editor->edit = el_init("moonstore", editor->in, editor->out, editor->errors)) ||
      !(editor->history = history_init())) {
    mt_editor_free(editor);
    return NULL;
  }
  for (int i = 0; i < 2; i++) {
    fcntl(editor->wake[i], F_SETFD, FD_CLOEXEC);
    fcntl(editor->wake[i], F_SETFL, O_NONBLOCK);
  }
  history(editor->history, &event, H_SETSIZE, 2000);
  history(editor->history, &event, H_SETUNIQUE, 1);
  el_wset(editor->edit, EL_CLIENTDATA, editor);
  el_wset(editor->edit, EL_EDITOR, L"emacs");
  el_wset(editor->edit, EL_SIGNAL, 0);
  el_set(editor->edit, EL_PROMPT_ESC, prompt_of, '\1');
  el_set(editor->edit, EL_HIST, history, editor->history);
  el_wset(editor->edit, EL_GETCFN, next_character);
  // Ctrl-C is a key while somebody types.
  el_wset(editor->edit, EL_SETTY, L"-d", L"-isig", NULL);
  el_source(editor->edit, NULL);
  bind_keys(editor->edit);
  return editor;
}

void mt_editor_free(mt_editor *editor) {
  if (editor->edit) el_end(editor->edit);
  if (editor->history) history_end(editor->history);
  if (editor->in) fclose(editor->in);
  if (editor->out) fclose(editor->out);
  if (editor->errors) fclose(editor->errors);
  for (int i = 0; i < 2; i++)
    if (editor->wake[i] >= 0) close(editor->wake[i]);
  free(editor->text);
  free(editor->held);
  free(editor);
}

int mt_read(mt_editor *editor, const char *prompt, const char **text, size_t *length) {
  editor->prompt = prompt;
  editor->ending = MT_LINE;
  editor->held_length = 0;
  if (editor->has_gone) return MT_END;
  if (atomic_exchange(&editor->is_resized, false)) el_resize(editor->edit);
  fputs("\033[?2004h", editor->out);
  fflush(editor->out);
  int count = 0;
  const wchar_t *line = el_wgets(editor->edit, &count);
  fputs("\033[?2004l", editor->out);
  int ending = editor->ending;
  if (ending == MT_LINE && (!line || count <= 0)) ending = MT_END;
  if (ending != MT_LINE) fputs(ending == MT_INTERRUPTED ? "^C\n" : "\n", editor->out);
  fflush(editor->out);
  editor->prompt = "";
  if (ending != MT_LINE) return ending;
  if (line[count - 1] == L'\n') count--;
  *text = text_of(editor, line, (size_t)count, length);
  return MT_LINE;
}

void mt_remember(mt_editor *editor, const char *text) {
  HistEvent event;
  history(editor->history, &event, H_ENTER, text);
}

void mt_complete(mt_editor *editor, int replaced, const char *text) {
  wchar_t *wide = widened(text, NULL);
  if (!wide) return;
  if (replaced > 0) el_wdeletestr(editor->edit, replaced);
  el_winsertstr(editor->edit, wide);
  free(wide);
}

void mt_show(mt_editor *editor, const char *text) {
  fputs("\r\033[J", editor->out);
  fputs(text, editor->out);
  fflush(editor->out);
  el_wset(editor->edit, EL_REFRESH);
}

void mt_leave(mt_editor *editor) { editor->ending = MT_LEFT; }

void mt_wake(mt_editor *editor) {
  // When the pipe is full there is enough to wake up for.
  while (write(editor->wake[1], "", 1) < 0 && errno == EINTR) {}
}

void mt_resized(mt_editor *editor) {
  atomic_store(&editor->is_resized, true);
  mt_wake(editor);
}

void mt_restore(const mt_editor *editor) {
  static const char normal[] = "\033[?2004l";
  if (write(fileno(editor->out), normal, sizeof normal - 1) < 0) return;
  tcsetattr(editor->input, TCSANOW, &editor->found);
}

bool mt_wait_key(mt_editor *editor) {
  struct termios before, raw;
  if (tcgetattr(editor->input, &before) != 0) return false;
  raw = before;
  raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  tcsetattr(editor->input, TCSADRAIN, &raw);
  struct pollfd wanted[2] = {
    {.fd = editor->input, .events = POLLIN},
    {.fd = editor->wake[0], .events = POLLIN},
  };
  while (poll(wanted, 2, -1) < 0 && errno == EINTR) {}
  bool is_key = wanted[0].revents != 0;
  if (wanted[1].revents) drain(editor);
  if (is_key) {
    // With all that the key sends.
    char bytes[64];
    if (read(editor->input, bytes, sizeof bytes) <= 0) editor->has_gone = true;
  }
  tcsetattr(editor->input, TCSADRAIN, &before);
  return is_key;
}

int mt_columns(int descriptor) {
  struct winsize size;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
