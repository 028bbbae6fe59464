/* The metrics that every program has: build, process (the names of Prometheus's client libraries), log, registry. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/log/log.h"
#include "common/metrics/metrics.h"

#define SPACE " \n"

static const struct metric_family build_info = {
    .name = "tally_build_info",
    .help = "Always 1; the labels say which program in which version this is.",
    .type = METRIC_GAUGE,
    .labels = {"program", "version"},
};

static double read_one(void *unused)
{
    (void)unused;
    return 1;
}

static double read_log_dropped(void *unused)
{
    (void)unused;
    return (double)log_dropped();
}

static double read_series_refused(void *unused)
{
    (void)unused;
    return (double)metrics_series_refused();
}

static double read_cpu_seconds(void *unused)
{
    (void)unused;
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* The number after `skip` words of a file of /proc, counted behind the last ')' if there is one: a program's name may
 * have spaces (proc(5), /proc/pid/stat). NaN if it cannot be read. */
static double read_proc_word(const char *path, int skip)
{
    FILE *file = fopen(path, "re");
    char text[1024];
    const size_t len = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    text[len] = '\0';
    const char *at = strrchr(text, ')');
    at = at != NULL ? at + 1 : text;
    for (int i = 0; i < skip; i++) {
        at += strspn(at, SPACE);
        at += strcspn(at, SPACE);
    }
    char *end;
    const double value = strtod(at, &end);
    return end != at ? value : NAN;
}

static double read_virtual_memory(void *unused)
{
    (void)unused;
    return read_proc_word("/proc/self/statm", 0) * (double)sysconf(_SC_PAGESIZE);
}

static double read_resident_memory(void *unused)
{
    (void)unused;
    return read_proc_word("/proc/self/statm", 1) * (double)sysconf(_SC_PAGESIZE);
}

static double read_threads(void *unused)
{
    (void)unused;
    return read_proc_word("/proc/self/stat", 17); /* field 20; ')' ends field 2 */
}

static double start_time; /* seconds since 1970; written once, by metrics_register_process */

static double read_start_time(void *unused)
{
    (void)unused;
    return start_time;
}

/* Field 22 of stat is in clock ticks since the machine's start. Computed once: a start time computed at each scrape
 * would move with every correction of the clock, and look like a restart. */
static double compute_start_time(void)
{
    struct timespec now;
    struct timespec up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    const double machine_start = (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9;
    return machine_start + read_proc_word("/proc/self/stat", 19) / (double)sysconf(_SC_CLK_TCK);
}

static double read_open_fds(void *unused)
{
    (void)unused;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return NAN;
    }
    int count = -1; /* the directory's own */
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static double read_max_fds(void *unused)
{
    (void)unused;
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : NAN;
}

static const struct {
    struct metric_family family;
    metrics_reader read;
} process_metrics[] = {
    {{.name = "process_cpu_seconds_total",
      .help = "User and system CPU time spent, in seconds.",
      .type = METRIC_COUNTER},
     read_cpu_seconds},
    {{.name = "process_resident_memory_bytes", .help = "Resident memory, in bytes.", .type = METRIC_GAUGE},
     read_resident_memory},
    {{.name = "process_virtual_memory_bytes", .help = "Virtual memory, in bytes.", .type = METRIC_GAUGE},
     read_virtual_memory},
    {{.name = "process_open_fds", .help = "Open file descriptors.", .type = METRIC_GAUGE}, read_open_fds},
    {{.name = "process_max_fds", .help = "Most file descriptors that may be open.", .type = METRIC_GAUGE},
     read_max_fds},
    {{.name = "process_threads", .help = "Threads of the process.", .type = METRIC_GAUGE}, read_threads},
    {{.name = "process_start_time_seconds",
      .help = "When the process started, in seconds since 1970.",
      .type = METRIC_GAUGE},
     read_start_time},
    {{.name = "tally_log_dropped_total",
      .help = "Log lines lost: the ring was full, or stdout did not take them.",
      .type = METRIC_COUNTER},
     read_log_dropped},
    {{.name = "tally_metrics_series_refused_total",
      .help = "Series that could not be registered: the registry is full.",
      .type = METRIC_COUNTER},
     read_series_refused},
};

void metrics_register_process(const char *program, const char *version)
{
    start_time = compute_start_time();
    metrics_register_reader(&build_info, (const char *const[]){program, version}, read_one, NULL);
    for (size_t i = 0; i < sizeof(process_metrics) / sizeof(process_metrics[0]); i++) {
        metrics_register_reader(&process_metrics[i].family, NULL, process_metrics[i].read, NULL);
    }
}
