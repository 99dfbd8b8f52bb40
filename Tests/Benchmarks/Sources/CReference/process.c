#include "reference.h"

#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

double computed_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int process_run(const char *path, const char *first, const char *second, const char *third, char *output,
                size_t size) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);

  // posix_spawn takes arguments that it doesn't change as if it did.
  char *arguments[] = {(char *)path, (char *)first, (char *)second, (char *)third, NULL};
  pid_t process;
  int problem = posix_spawn(&process, path, &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);

  size_t length = 0;
  while (problem == 0 && length + 1 < size) {
    ssize_t read_now = read(ends[0], output + length, size - 1 - length);
    if (read_now <= 0) break;
    length += (size_t)read_now;
  }
  output[length] = 0;
  close(ends[0]);
  if (problem != 0) return -1;

  int status;
  if (waitpid(process, &status, 0) != process || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}
