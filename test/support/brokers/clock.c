/*
 * Loaded into a server ahead of the C library: its wall clock is ahead of the machine's by what a file says, in milliseconds, at every look.
 * The monotonic clock is left alone, as when somebody sets the date.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *ahead_ms;

__attribute__((constructor)) static void open_file(void) {
  const char *path = getenv("CLOCK_FILE");
  int file = path ? open(path, O_RDONLY) : -1;
  if (file < 0) abort();
  void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) abort();
  ahead_ms = page;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  int failure = (int)syscall(SYS_clock_gettime, id, now);
  if (failure || !ahead_ms || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return failure;
  int64_t ahead = *ahead_ms;
  now->tv_sec += ahead / 1000;
  now->tv_nsec += (ahead % 1000) * 1000000;
  if (now->tv_nsec < 0) { now->tv_nsec += 1000000000; now->tv_sec--; }
  if (now->tv_nsec >= 1000000000) { now->tv_nsec -= 1000000000; now->tv_sec++; }
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  int failure = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return failure;
}

time_t time(time_t *seconds) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (seconds) *seconds = precise.tv_sec;
  return precise.tv_sec;
}
