/* Makes the disk of one folder fail, for a program that is started with this library in LD_PRELOAD.
 *
 * FAULTS_FOLDER names the folder. What fails is what the file FAULTS_CONTROL says, for as long as it is there:
 *   full      every write fails with ENOSPC
 *   sync      every fsync and fdatasync fails with EIO, after the data has reached the page cache
 *   readonly  every opening for writing fails with EROFS
 *   poll      the threads that serve streams cannot wait for their sockets: epoll_wait fails with EBADF
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int control_says(const char *mode) {
  char said[16] = "";
  const char *path = getenv("FAULTS_CONTROL");
  int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  ssize_t length = syscall(SYS_read, file, said, sizeof said - 1);
  syscall(SYS_close, file);
  return length > 0 && strcmp(said, mode) == 0;
}

static int is_in_folder(const char *path) {
  const char *folder = getenv("FAULTS_FOLDER");
  size_t length = folder ? strlen(folder) : 0;
  return length > 0 && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int fails(int file, const char *mode) {
  char link[64], path[4096];
  if (!control_says(mode)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_in_folder(path);
}

static int fail(int error) {
  errno = error;
  return -1;
}

ssize_t write(int file, const void *bytes, size_t length) {
  return fails(file, "full") ? fail(ENOSPC) : REAL(write)(file, bytes, length);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
  return fails(file, "full") ? fail(ENOSPC) : REAL(pwrite)(file, bytes, length, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
  return fails(file, "full") ? fail(ENOSPC) : REAL(pwrite64)(file, bytes, length, offset);
}

int fsync(int file) { return fails(file, "sync") ? fail(EIO) : REAL(fsync)(file); }

int fdatasync(int file) { return fails(file, "sync") ? fail(EIO) : REAL(fdatasync)(file); }

static int refuses(const char *path, int flags) {
  return (flags & (O_WRONLY | O_RDWR | O_CREAT)) && is_in_folder(path) && control_says("readonly");
}

static mode_t mode_of(int flags, va_list arguments) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return refuses(path, flags) ? fail(EROFS) : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return refuses(path, flags) ? fail(EROFS) : REAL(open64)(path, flags, mode);
}

static int serves_streams(void) {
  char name[16] = "";
  prctl(PR_GET_NAME, name);
  return strncmp(name, "streams-", 8) == 0;
}

int epoll_wait(int poll, struct epoll_event *events, int most, int timeout) {
  return serves_streams() && control_says("poll") ? fail(EBADF) : REAL(epoll_wait)(poll, events, most, timeout);
}
