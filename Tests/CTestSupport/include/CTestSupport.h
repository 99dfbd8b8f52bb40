#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

// Starts a program on a terminal of its own, which it controls as if somebody sat there; -1 when that fails.
// `master` gets the other end.
int ct_spawn(const char *path, char *const argv[], char *const envp[], int rows, int columns, int *master);
// Gives the terminal another size, as a window does.
int ct_resize(int master, int rows, int columns);
// Whether the terminal is as shells like it: lines are edited by the system, and echoed.
int ct_is_normal(int master);

#endif
