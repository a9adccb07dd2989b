/*
 * The two ends of the measured traffic. Node would add more to a connection than a firewall does.
 *   traffic serve ADDRESS PORT STREAM_PORT [UDP_PORT]    sends one byte at PORT; at STREAM_PORT as much as is taken;
 *                                                        at UDP_PORT back what it gets
 *   traffic connect ADDRESS PORT SOURCE COUNT SECONDS    one connection after the other: connect, first byte, reset;
 *                                                        from COUNT addresses in turn, SOURCE being the first
 *   traffic first-byte ADDRESS PORT SOURCE COUNT SECONDS AT_ONCE [PID ...]
 *                                                        the same with AT_ONCE of them under way, and what processor
 *                                                        time they cost here and in the processes named
 *   traffic stream ADDRESS PORT SOURCE SECONDS           reads one connection
 *   traffic echo ADDRESS PORT SOURCE SECONDS             one datagram after the other, there and back
 * All measuring verbs print one line of JSON. The first failed connection, or datagram, ends them with exit code 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Before this nothing counts: the first connections fill caches and the ruleset's own sets. */
static const double warm_up_seconds = 0.05;
static const size_t most_samples = 4000000;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * All ends on one core, before what else runs there: a rate is then what a connection or a packet costs the processor,
 * and not how long a core takes to wake up.
 */
static void take_a_core(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) perror("sched_setaffinity");
  struct sched_param first = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) perror("sched_setscheduler");
}

static struct sockaddr_in endpoint(const char *address, const char *port) {
  struct sockaddr_in it = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  if (inet_pton(AF_INET, address, &it.sin_addr) != 1) fail(address);
  return it;
}

static int listen_at(const char *address, const char *port) {
  struct sockaddr_in at = endpoint(address, port);
  int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0) fail("listen");
  return fd;
}

/* A connection is closed long after its client has reset it, so that closing sends nothing. */
static void serve_bytes(int listener) {
  int open_fds[256] = {0};
  for (unsigned n = 0;; n++) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    if (write(fd, "!", 1) != 1) perror("write");
    int *slot = &open_fds[n % 256];
    if (*slot > 0) close(*slot);
    *slot = fd;
  }
}

static void *serve_streams(void *at) {
  int listener = *(int *)at;
  static char block[1 << 17];
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    while (write(fd, block, sizeof block) > 0) {
    }
    close(fd);
  }
  return NULL;
}

static void *echo_datagrams(void *at) {
  static char block[2048];
  int fd = *(int *)at;
  for (;;) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(fd, block, sizeof block, 0, (struct sockaddr *)&from, &length);
    if (got >= 0) sendto(fd, block, got, 0, (struct sockaddr *)&from, length);
  }
  return NULL;
}

static int connect_from(uint32_t source, const struct sockaddr_in *to, double *seconds) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
  struct linger reset = {1, 0};
  struct timeval patience = {3, 0};
  int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0) fail("bind");
  double start = now();
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) fail("connect");
  *seconds = now() - start;
  return fd;
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void measure_connections(const struct sockaddr_in *to, uint32_t source, uint32_t count, double seconds) {
  float *connect_us = malloc(most_samples * sizeof *connect_us);
  size_t samples = 0;
  double start = now() + warm_up_seconds, end = start + seconds, t = 0;
  for (uint32_t n = 0; t < end && samples < most_samples; n++) {
    double took;
    char byte;
    int fd = connect_from(source + n % count, to, &took);
    if (read(fd, &byte, 1) != 1) fail("first byte");
    close(fd);
    t = now();
    if (t >= start) connect_us[samples++] = took * 1e6;
  }
  if (samples == 0) fail("no connection in time");
  qsort(connect_us, samples, sizeof *connect_us, ascending);
  printf("{\"perSecond\":%.1f,\"connectP50Us\":%.2f,\"connectP99Us\":%.2f}\n", samples / (t - start),
         connect_us[samples / 2], connect_us[samples * 99 / 100]);
}

/* Nanoseconds that a process has had of the processor, softirqs in its threads included. */
static double processor_ns(const char *pid) {
  char path[512];
  double sum = 0;
  snprintf(path, sizeof path, "/proc/%s/task", pid);
  DIR *threads = opendir(path);
  if (threads == NULL) fail(path);
  for (struct dirent *it; (it = readdir(threads)) != NULL;) {
    double ns = 0;
    if (it->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, it->d_name);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue;
    if (fscanf(file, "%lf", &ns) == 1) sum += ns;
    fclose(file);
  }
  closedir(threads);
  return sum;
}

static double all_processor_ns(char **pids) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  double sum = t.tv_sec * 1e9 + t.tv_nsec;
  for (; *pids != NULL; pids++) sum += processor_ns(*pids);
  return sum;
}

struct caller {
  int fd;
  double start;
};

static void call(int poll, struct caller *caller, uint32_t source, const struct sockaddr_in *to) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
  struct linger reset = {1, 0};
  struct epoll_event readable = {.events = EPOLLIN, .data.ptr = caller};
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0) fail("bind");
  caller->fd = fd;
  caller->start = now();
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS) fail("connect");
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &readable) != 0) fail("epoll_ctl");
}

static void measure_first_bytes(const struct sockaddr_in *to, uint32_t source, uint32_t count, double seconds,
                                int at_once, char **pids) {
  float *us = malloc(most_samples * sizeof *us);
  struct caller callers[256];
  struct epoll_event ready[256];
  size_t samples = 0;
  uint32_t n = 0;
  int poll = epoll_create1(0);
  if (at_once < 1 || at_once > 256) fail("AT_ONCE");
  for (int i = 0; i < at_once; i++) call(poll, &callers[i], source + n++ % count, to);
  double start = now() + warm_up_seconds, end = start + seconds, t = 0, cost = -1;
  while (t < end && samples < most_samples) {
    int events = epoll_wait(poll, ready, at_once, 3000);
    if (events <= 0) fail("no first byte in time");
    for (int i = 0; i < events; i++) {
      struct caller *caller = ready[i].data.ptr;
      char byte;
      if (read(caller->fd, &byte, 1) != 1) fail("first byte");
      t = now();
      close(caller->fd);
      if (cost >= 0)
        us[samples++] = (t - caller->start) * 1e6;
      else if (t >= start) {
        cost = all_processor_ns(pids);
        start = now();
      }
      call(poll, caller, source + n++ % count, to);
    }
  }
  cost = all_processor_ns(pids) - cost;
  if (samples == 0) fail("no connection in time");
  qsort(us, samples, sizeof *us, ascending);
  printf("{\"perSecond\":%.1f,\"p50Us\":%.2f,\"p99Us\":%.2f,\"processorMsPer1000\":%.4f}\n", samples / (t - start),
         us[samples / 2], us[samples * 99 / 100], cost / 1e6 / samples * 1000);
}

static void measure_echoes(const struct sockaddr_in *to, uint32_t source, double seconds) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
  struct timeval patience = {3, 0};
  char block[64] = {0};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0) fail("bind");
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) fail("connect");
  double start = now() + warm_up_seconds, end = start + seconds, t = 0, echoes = 0;
  while (t < end) {
    if (send(fd, block, sizeof block, 0) != sizeof block) fail("send");
    if (recv(fd, block, sizeof block, 0) != sizeof block) fail("echo");
    t = now();
    if (t >= start) echoes++;
  }
  printf("{\"echoesPerSecond\":%.1f}\n", echoes / (t - start));
}

static void measure_stream(const struct sockaddr_in *to, uint32_t source, double seconds) {
  static char block[1 << 17];
  double took, bytes = 0;
  int fd = connect_from(source, to, &took);
  double start = now() + 2 * warm_up_seconds, end = start + seconds, t = 0;
  while (t < end) {
    ssize_t got = read(fd, block, sizeof block);
    if (got <= 0) fail("stream");
    t = now();
    if (t >= start) bytes += got;
  }
  printf("{\"gbitPerSecond\":%.4f}\n", bytes * 8 / (t - start) / 1e9);
}

int main(int argc, char **argv) {
  /* Ends with the program that started it, however that one ends. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  take_a_core();
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "serve") == 0 && (argc == 5 || argc == 6)) {
    int bytes = listen_at(argv[2], argv[3]), streams = listen_at(argv[2], argv[4]), datagrams;
    pthread_t echo;
    if (argc == 6) {
      struct sockaddr_in at = endpoint(argv[2], argv[5]);
      datagrams = socket(AF_INET, SOCK_DGRAM, 0);
      if (bind(datagrams, (struct sockaddr *)&at, sizeof at) != 0) fail("bind");
      if (pthread_create(&echo, NULL, echo_datagrams, &datagrams) != 0) fail("thread");
    }
    puts("ready");
    fflush(stdout);
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve_streams, &streams) != 0) fail("thread");
    serve_bytes(bytes);
  }
  if (argc < 6) {
    fprintf(stderr, "usage: see the head of traffic.c\n");
    return 2;
  }
  struct sockaddr_in to = endpoint(argv[2], argv[3]);
  uint32_t source = ntohl(endpoint(argv[4], "0").sin_addr.s_addr);
  if (strcmp(verb, "connect") == 0 && argc == 7)
    measure_connections(&to, source, atoi(argv[5]), atof(argv[6]));
  else if (strcmp(verb, "first-byte") == 0 && argc >= 8)
    measure_first_bytes(&to, source, atoi(argv[5]), atof(argv[6]), atoi(argv[7]), argv + 8);
  else if (strcmp(verb, "stream") == 0)
    measure_stream(&to, source, atof(argv[5]));
  else if (strcmp(verb, "echo") == 0)
    measure_echoes(&to, source, atof(argv[5]));
  else
    return 2;
  return 0;
}
