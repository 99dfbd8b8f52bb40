// Lua's patterns: find, match, gmatch and gsub. Matching backtracks, so a short pattern can take longer than
// anybody lives: each step asks whether the turn may go on.
#include <ctype.h>
#include <string.h>

#include "bridge.h"

#define MAX_CAPTURES 32
// How deeply matching nests in C.
#define MAX_DEPTH 200
#define OPEN (-1)
#define POSITION (-2)

typedef struct matcher {
  lua_State *L;
  mb_vm *vm;
  const char *subject, *subject_end, *pattern_end;
  int depth, count;
  struct {
    const char *start;
    // Or OPEN, or POSITION.
    ptrdiff_t length;
  } captures[MAX_CAPTURES];
} matcher;

static inline unsigned char byte_at(const char *at) { return (unsigned char)*at; }

// -- One item of a pattern ----------------------------------------------------------------------------

// The end of the item that begins at `p`: a character, a class or a set.
static const char *item_end(matcher *m, const char *p) {
  char first = *p++;
  if (first == '%') {
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
    return p + 1;
  }
  if (first != '[') return p;
  if (*p == '^') p++;
  // A bracket in the first place stands for itself.
  do {
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
    if (*p++ == '%' && p < m->pattern_end) p++;
  } while (p == m->pattern_end || *p != ']');
  return p + 1;
}

static bool in_class(int c, int letter) {
  bool within;
  switch (letter | 0x20) {
    case 'a': within = isalpha(c); break;
    case 'c': within = iscntrl(c); break;
    case 'd': within = isdigit(c); break;
    case 'g': within = isgraph(c); break;
    case 'l': within = islower(c); break;
    case 'p': within = ispunct(c); break;
    case 's': within = isspace(c); break;
    case 'u': within = isupper(c); break;
    case 'w': within = isalnum(c); break;
    case 'x': within = isxdigit(c); break;
    case 'z': within = c == 0; break;
    default: return letter == c;
  }
  // A capital letter means all others.
  return letter & 0x20 ? within : !within;
}

// `p` is at the opening bracket, `last` at the closing one.
static bool in_set(int c, const char *p, const char *last) {
  bool result = true;
  if (p[1] == '^') {
    result = false;
    p++;
  }
  while (++p < last) {
    if (*p == '%') {
      p++;
      if (in_class(c, byte_at(p))) return result;
    } else if (p[1] == '-' && p + 2 < last) {
      if (byte_at(p) <= c && c <= byte_at(p + 2)) return result;
      p += 2;
    } else if (byte_at(p) == c) {
      return result;
    }
  }
  return !result;
}

static inline bool matches(const matcher *m, const char *s, const char *p, const char *end) {
  if (s >= m->subject_end) return false;
  int c = byte_at(s);
  switch (*p) {
    case '.': return true;
    case '%': return in_class(c, byte_at(p + 1));
    case '[': return in_set(c, p, end - 1);
    default: return byte_at(p) == c;
  }
}

// -- Matching -----------------------------------------------------------------------------------------

static const char *match(matcher *m, const char *s, const char *p);

static const char *match_longest(matcher *m, const char *s, const char *p, const char *end) {
  const char *last = s;
  while (matches(m, last, p, end)) {
    last++;
    mb_poll(m->L, m->vm);
  }
  for (; last >= s; last--) {
    const char *found = match(m, last, end + 1);
    if (found) return found;
  }
  return NULL;
}

static const char *match_shortest(matcher *m, const char *s, const char *p, const char *end) {
  for (;; s++) {
    const char *found = match(m, s, end + 1);
    if (found) return found;
    if (!matches(m, s, p, end)) return NULL;
  }
}

static const char *match_balanced(matcher *m, const char *s, const char *p) {
  if (p >= m->pattern_end - 1) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->subject_end || *s != *p) return NULL;
  char opening = p[0], closing = p[1];
  // The closing one counts first, so that a pair of equal ones ends.
  for (int64_t nesting = 1; ++s < m->subject_end;) {
    if (*s == closing) {
      if (--nesting == 0) return s + 1;
    } else if (*s == opening) {
      nesting++;
    }
    mb_poll(m->L, m->vm);
  }
  return NULL;
}

static const char *match_frontier(matcher *m, const char *s, const char *p, const char *end) {
  int before = s == m->subject ? 0 : byte_at(s - 1);
  // The byte behind the subject is a zero, as that of every string.
  return !in_set(before, p, end - 1) && in_set(byte_at(s), p, end - 1) ? s : NULL;
}

static const char *match_back_reference(matcher *m, const char *s, int digit) {
  int index = digit - '1';
  if (index < 0 || index >= m->count || m->captures[index].length == OPEN)
    luaL_error(m->L, "invalid capture index %%%d", index + 1);
  ptrdiff_t length = m->captures[index].length;
  if (length == POSITION || m->subject_end - s < length) return NULL;
  return memcmp(m->captures[index].start, s, (size_t)length) == 0 ? s + length : NULL;
}

static const char *open_capture(matcher *m, const char *s, const char *p, ptrdiff_t length) {
  if (m->count >= MAX_CAPTURES) luaL_error(m->L, "too many captures");
  m->captures[m->count].start = s;
  m->captures[m->count].length = length;
  m->count++;
  const char *found = match(m, s, p);
  if (!found) m->count--;
  return found;
}

static const char *close_capture(matcher *m, const char *s, const char *p) {
  int index = m->count - 1;
  while (index >= 0 && m->captures[index].length != OPEN) index--;
  if (index < 0) luaL_error(m->L, "invalid pattern capture");
  m->captures[index].length = s - m->captures[index].start;
  const char *found = match(m, s, p);
  if (!found) m->captures[index].length = OPEN;
  return found;
}

// Where a match of the pattern from `p` that begins at `s` ends, or NULL.
static const char *match(matcher *m, const char *s, const char *p) {
  if (m->depth-- == 0) luaL_error(m->L, "pattern too complex");
  while (s && p != m->pattern_end) {
    mb_poll(m->L, m->vm);
    char kind = *p, next = p[1];
    if (kind == '(') {
      s = next == ')' ? open_capture(m, s, p + 2, POSITION) : open_capture(m, s, p + 1, OPEN);
      break;
    }
    if (kind == ')') {
      s = close_capture(m, s, p + 1);
      break;
    }
    if (kind == '$' && p + 1 == m->pattern_end) {
      if (s != m->subject_end) s = NULL;
      break;
    }
    if (kind == '%') {
      if (next == 'b') {
        s = match_balanced(m, s, p + 2);
        p += 4;
        continue;
      }
      if (next == 'f') {
        p += 2;
        if (*p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
        const char *end = item_end(m, p);
        s = match_frontier(m, s, p, end);
        p = end;
        continue;
      }
      if (isdigit((unsigned char)next)) {
        s = match_back_reference(m, s, next);
        p += 2;
        continue;
      }
    }
    const char *end = item_end(m, p);
    switch (*end) {
      case '*': s = match_longest(m, s, p, end); goto done;
      case '-': s = match_shortest(m, s, p, end); goto done;
      case '+':
        s = matches(m, s, p, end) ? match_longest(m, s + 1, p, end) : NULL;
        goto done;
      case '?': {
        const char *found = matches(m, s, p, end) ? match(m, s + 1, end + 1) : NULL;
        if (found) {
          s = found;
          goto done;
        }
        p = end + 1;
        break;
      }
      default:
        s = matches(m, s, p, end) ? s + 1 : NULL;
        p = end;
    }
  }
done:
  m->depth++;
  return s;
}

static void prepare(matcher *m, lua_State *L, const char *subject, size_t length,
                    const char *pattern_end) {
  m->L = L;
  m->vm = mb_vm_of(L);
  m->subject = subject;
  m->subject_end = subject + length;
  m->pattern_end = pattern_end;
}

static const char *match_from(matcher *m, const char *s, const char *p) {
  m->depth = MAX_DEPTH;
  m->count = 0;
  return match(m, s, p);
}

// -- Captures -----------------------------------------------------------------------------------------

// Gives the bytes of a capture, or pushes its position and gives NULL. Without captures the first one is
// the whole match.
static const char *capture(matcher *m, int index, const char *from, const char *to, size_t *length) {
  if (index >= m->count) {
    if (index != 0) luaL_error(m->L, "invalid capture index %%%d", index + 1);
    *length = (size_t)(to - from);
    return from;
  }
  const char *start = m->captures[index].start;
  if (m->captures[index].length == POSITION) {
    lua_pushinteger(m->L, start - m->subject + 1);
    return NULL;
  }
  if (m->captures[index].length == OPEN) luaL_error(m->L, "unfinished capture");
  *length = (size_t)m->captures[index].length;
  return start;
}

static void push_capture(matcher *m, int index, const char *from, const char *to) {
  size_t length;
  const char *bytes = capture(m, index, from, to, &length);
  if (bytes) lua_pushlstring(m->L, bytes, length);
}

static int push_captures(matcher *m, const char *from, const char *to) {
  int count = m->count == 0 && from ? 1 : m->count;
  luaL_checkstack(m->L, count, "too many captures");
  for (int i = 0; i < count; i++) push_capture(m, i, from, to);
  return count;
}

// -- find and match -----------------------------------------------------------------------------------

// The offset that a position stands for: one below zero counts from the end.
static size_t offset(lua_Integer position, size_t length) {
  if (position > 0) return (size_t)position - 1;
  if (position == 0 || position < -(lua_Integer)length) return 0;
  return length - (size_t)-position;
}

static const char *find_plain(lua_State *L, mb_vm *vm, const char *s, const char *end, const char *text,
                              size_t length) {
  if (length == 0) return s;
  if ((size_t)(end - s) < length) return NULL;
  const char *last = end - length + 1;
  while (s < last && (s = memchr(s, text[0], (size_t)(last - s)))) {
    mb_poll(L, vm);
    if (memcmp(s + 1, text + 1, length - 1) == 0) return s;
    s++;
  }
  return NULL;
}

static bool is_plain(const char *pattern, size_t length) {
  for (size_t i = 0; i < length; i++) {
    switch (pattern[i]) {
      case '^':
      case '$':
      case '*':
      case '+':
      case '?':
      case '.':
      case '(':
      case '[':
      case '%':
      case '-': return false;
      default: break;
    }
  }
  return true;
}

static int search(lua_State *L, bool finds) {
  size_t length, pattern_length;
  const char *subject = luaL_checklstring(L, 1, &length);
  const char *p = luaL_checklstring(L, 2, &pattern_length);
  size_t start = offset(luaL_optinteger(L, 3, 1), length);
  if (start > length) {
    lua_pushnil(L);
    return 1;
  }
  if (finds && (lua_toboolean(L, 4) || is_plain(p, pattern_length))) {
    const char *end = subject + length;
    const char *found = find_plain(L, mb_vm_of(L), subject + start, end, p, pattern_length);
    if (!found) {
      lua_pushnil(L);
      return 1;
    }
    lua_pushinteger(L, found - subject + 1);
    lua_pushinteger(L, found - subject + (ptrdiff_t)pattern_length);
    return 2;
  }
  matcher m;
  prepare(&m, L, subject, length, p + pattern_length);
  const char *s = subject + start;
  bool anchored = *p == '^' && pattern_length > 0;
  if (anchored) p++;
  do {
    const char *end = match_from(&m, s, p);
    if (!end) continue;
    if (!finds) return push_captures(&m, s, end);
    lua_pushinteger(L, s - subject + 1);
    lua_pushinteger(L, end - subject);
    return push_captures(&m, NULL, NULL) + 2;
  } while (s++ < m.subject_end && !anchored);
  lua_pushnil(L);
  return 1;
}

int mb_string_find(lua_State *L) { return search(L, true); }
int mb_string_match(lua_State *L) { return search(L, false); }

// -- gmatch -------------------------------------------------------------------------------------------

typedef struct progress {
  // Where the next search begins, and where the last match ended (or behind everything).
  size_t at, last;
} progress;

// Upvalues: subject, pattern, progress.
static int next_match(lua_State *L) {
  size_t length, pattern_length;
  const char *subject = lua_tolstring(L, lua_upvalueindex(1), &length);
  const char *p = lua_tolstring(L, lua_upvalueindex(2), &pattern_length);
  progress *seen = lua_touserdata(L, lua_upvalueindex(3));
  matcher m;
  prepare(&m, L, subject, length, p + pattern_length);
  for (; seen->at <= length; seen->at++) {
    const char *s = subject + seen->at, *end = match_from(&m, s, p);
    if (!end || (size_t)(end - subject) == seen->last) continue;
    seen->at = seen->last = (size_t)(end - subject);
    return push_captures(&m, s, end);
  }
  return 0;
}

int mb_string_gmatch(lua_State *L) {
  size_t length;
  luaL_checklstring(L, 1, &length);
  luaL_checkstring(L, 2);
  size_t start = offset(luaL_optinteger(L, 3, 1), length);
  lua_settop(L, 2);
  progress *seen = lua_newuserdatauv(L, sizeof *seen, 0);
  seen->at = start > length ? length + 1 : start;
  seen->last = SIZE_MAX;
  lua_pushcclosure(L, next_match, 3);
  return 1;
}

// -- gsub ---------------------------------------------------------------------------------------------

static void add_template(matcher *m, luaL_Buffer *buffer, const char *from, const char *to) {
  size_t length;
  lua_State *L = m->L;
  const char *at = lua_tolstring(L, 3, &length), *end = at + length;
  const char *escape;
  while ((escape = memchr(at, '%', (size_t)(end - at)))) {
    mb_poll(L, m->vm);
    mb_add_bytes(L, m->vm, buffer, at, (size_t)(escape - at));
    char next = escape[1];
    if (next == '%') {
      luaL_addchar(buffer, '%');
    } else if (next == '0') {
      mb_add_bytes(L, m->vm, buffer, from, (size_t)(to - from));
    } else if (isdigit((unsigned char)next)) {
      const char *bytes = capture(m, next - '1', from, to, &length);
      if (bytes)
        mb_add_bytes(L, m->vm, buffer, bytes, length);
      else
        mb_add_value(L, m->vm, buffer);
    } else {
      luaL_error(L, "invalid use of '%c' in replacement string", '%');
    }
    at = escape + 2;
  }
  mb_add_bytes(L, m->vm, buffer, at, (size_t)(end - at));
}

// Adds what takes the place of a match; false when that stays as it was.
static bool add_replacement(matcher *m, luaL_Buffer *buffer, const char *from, const char *to, int type) {
  lua_State *L = m->L;
  if (type == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    int count = push_captures(m, from, to);
    lua_call(L, count, 1);
  } else if (type == LUA_TTABLE) {
    push_capture(m, 0, from, to);
    lua_gettable(L, 3);
  } else {
    add_template(m, buffer, from, to);
    return true;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    mb_add_bytes(L, m->vm, buffer, from, (size_t)(to - from));
    return false;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  mb_add_value(L, m->vm, buffer);
  return true;
}

int mb_string_gsub(lua_State *L) {
  size_t length, pattern_length;
  const char *subject = luaL_checklstring(L, 1, &length);
  const char *p = luaL_checklstring(L, 2, &pattern_length);
  int type = lua_type(L, 3);
  lua_Integer limit = luaL_optinteger(L, 4, (lua_Integer)length + 1), count = 0;
  luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
                   3, "string/function/table");
  matcher m;
  prepare(&m, L, subject, length, p + pattern_length);
  bool anchored = *p == '^' && pattern_length > 0, changed = false;
  if (anchored) p++;
  if (type == LUA_TFUNCTION) mb_reserve_stack(L, m.vm, 250);
  mb_check_stack(L);
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  // What lies between `kept` and `s` goes into the result as it is.
  const char *s = subject, *kept = s, *last = NULL;
  while (count < limit) {
    mb_poll(L, m.vm);
    const char *end = match_from(&m, s, p);
    if (end && end != last) {
      count++;
      mb_add_bytes(L, m.vm, &buffer, kept, (size_t)(s - kept));
      changed |= add_replacement(&m, &buffer, s, end, type);
      s = kept = last = end;
    } else if (s < m.subject_end) {
      s++;
    } else {
      break;
    }
    if (anchored) break;
  }
  if (changed) {
    mb_add_bytes(L, m.vm, &buffer, kept, (size_t)(m.subject_end - kept));
    luaL_pushresult(&buffer);
  } else {
    lua_pushvalue(L, 1);
  }
  lua_pushinteger(L, count);
  return 2;
}
