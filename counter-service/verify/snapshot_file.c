#include "counter-service/verify/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/decimal.h"
#include "common/contract/counter_rules.h"
#include "counter-service/event/stream_id.h"

#define SNAPSHOT_NAME "tally-snapshot"
#define SNAPSHOT_VERSION "1"

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct reader {
    const char *path;
    const struct snapshot_subject *subject;
    struct counter_table *table;
    int64_t *offsets;
    size_t partition_count;
    struct error *error;
    /* so far */
    size_t line;
    size_t partitions;
    uint64_t counters;
    bool has_ended;
};

static int refuse(const struct reader *reader, const char *reason)
{
    error_set(reader->error, "%s:%zu: %s", reader->path, reader->line, reason);
    return -1;
}

static bool take_unsigned(struct text *rest, uint64_t max, uint64_t *ret_value)
{
    return decimal_parse_unsigned(text_cut(rest, '\t'), max, ret_value);
}

static int read_header(struct reader *reader, struct text rest)
{
    uint64_t index, count;
    if (!text_equal(text_cut(&rest, '\t'), TEXT(SNAPSHOT_NAME))) {
        return refuse(reader, "this is no snapshot of counter-verify");
    }
    if (!text_equal(text_cut(&rest, '\t'), TEXT(SNAPSHOT_VERSION))) {
        return refuse(reader, "the snapshot is of a version that this program does not know");
    }
    if (!text_equal(text_cut(&rest, '\t'), text_of(reader->subject->store_id))) {
        return refuse(reader, "the snapshot is of another store");
    }
    if (!text_equal(text_cut(&rest, '\t'), text_of(reader->subject->topic))) {
        return refuse(reader, "the snapshot is of another topic");
    }
    if (!take_unsigned(&rest, UINT32_MAX, &index) || !take_unsigned(&rest, UINT32_MAX, &count) || rest.len > 0) {
        return refuse(reader, "the line is damaged");
    }
    if (index != reader->subject->shard.index || count != reader->subject->shard.count) {
        return refuse(reader, "the snapshot is of another --shard");
    }
    return 0;
}

static int read_partition(struct reader *reader, struct text rest)
{
    uint64_t number, offset;
    if (!take_unsigned(&rest, UINT32_MAX, &number) || !take_unsigned(&rest, INT64_MAX, &offset) || rest.len > 0 ||
        number != reader->partitions) {
        return refuse(reader, "the line is damaged");
    }
    if (number >= reader->partition_count) {
        return refuse(reader,
                      "the topic has fewer partitions than the snapshot: it was made anew, and so must this be");
    }
    reader->offsets[reader->partitions++] = (int64_t)offset;
    return 0;
}

static int read_counter(struct reader *reader, struct text rest)
{
    int64_t value;
    struct stream_id cut;
    const struct text value_text = text_cut(&rest, '\t');
    const struct text cut_text = text_cut(&rest, '\t');
    const struct text type = text_cut(&rest, '\t');
    if (!decimal_parse(value_text, &value) || !stream_id_parse(cut_text, &cut) ||
        counter_rules_counter_type(type) != NULL || counter_rules_resource_id(rest) != NULL) {
        return refuse(reader, "the line is damaged");
    }
    struct counter *counter = counter_table_take(reader->table, rest, type);
    if (counter == NULL) {
        return refuse(reader, "out of memory: --shard lets several runs share the counters");
    }
    if (counter->last_place == COUNTER_WHOLE_ENTRY) {
        return refuse(reader, "the counter is there twice");
    }
    counter->sum = value;
    counter->value = value;
    counter->last_entry = cut;
    counter->last_place = COUNTER_WHOLE_ENTRY;
    reader->counters++;
    return 0;
}

static int read_end(struct reader *reader, struct text rest)
{
    uint64_t count;
    if (!take_unsigned(&rest, UINT64_MAX, &count) || rest.len > 0 || count != reader->counters) {
        return refuse(reader, "the line is damaged, or counters are missing");
    }
    reader->has_ended = true;
    return 0;
}

static int read_line(struct reader *reader, struct text rest)
{
    reader->line++;
    if (reader->line == 1) {
        return read_header(reader, rest);
    }
    const struct text kind = text_cut(&rest, '\t');
    if (reader->has_ended) {
        return refuse(reader, "there is something behind the end");
    }
    if (text_equal(kind, TEXT("counter"))) {
        return read_counter(reader, rest);
    }
    if (text_equal(kind, TEXT("partition"))) {
        return read_partition(reader, rest);
    }
    return text_equal(kind, TEXT("end")) ? read_end(reader, rest) : refuse(reader, "the line is damaged");
}

static int read_lines(struct reader *reader, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int failed = 0;
    while (failed == 0 && (len = getline(&line, &room, file)) > 0) {
        const size_t text_len = (size_t)len - (line[len - 1] == '\n');
        failed = read_line(reader, (struct text){line, text_len});
    }
    free(line);
    if (failed == 0 && ferror(file)) {
        failed = refuse(reader, strerror(errno));
    } else if (failed == 0 && !reader->has_ended) {
        failed = refuse(reader, "the end of the snapshot is missing");
    }
    return failed;
}

int snapshot_file_read(const char *path, const struct snapshot_subject *subject, struct counter_table *table,
                       int64_t *offsets, size_t partition_count, struct error *error)
{
    struct reader reader = {
        .path = path,
        .subject = subject,
        .table = table,
        .offsets = offsets,
        .partition_count = partition_count,
        .error = error,
    };
    FILE *file = fopen(path, "re");
    struct stat found;
    if (file == NULL || fstat(fileno(file), &found) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (S_ISDIR(found.st_mode)) {
        fclose(file);
        error_set(error, "%s: it is a directory, and no snapshot", path);
        return -1;
    }
    memset(offsets, 0, partition_count * sizeof(*offsets));
    const int failed = read_lines(&reader, file);
    fclose(file);
    return failed;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put_lines(FILE *file, const struct snapshot_subject *subject, const struct counter_table *table,
                      const int64_t *offsets, size_t partition_count)
{
    fprintf(file, SNAPSHOT_NAME "\t" SNAPSHOT_VERSION "\t%s\t%s\t%u\t%u\n", subject->store_id, subject->topic,
            subject->shard.index, subject->shard.count);
    for (size_t i = 0; i < partition_count; i++) {
        fprintf(file, "partition\t%zu\t%" PRId64 "\n", i, offsets[i]);
    }
    uint64_t count = 0;
    const struct counter *counter = NULL;
    while ((counter = counter_table_next(table, counter)) != NULL) {
        if (counter->in_redis != REDIS_HAS_COUNTER) {
            continue;
        }
        const struct text type = counter_type(counter);
        const struct text resource_id = counter_resource_id(counter);
        fprintf(file, "counter\t%" PRId64 "\t%" PRIu64 "-%" PRIu64 "\t%.*s\t%.*s\n", counter->redis_value,
                counter->cut.ms, counter->cut.seq, (int)type.len, type.data, (int)resource_id.len, resource_id.data);
        count++;
    }
    fprintf(file, "end\t%" PRIu64 "\n", count);
}

/* Closes the file. */
static int finish(FILE *file)
{
    const bool failed = ferror(file) != 0 || fflush(file) != 0 || fsync(fileno(file)) != 0;
    const int reason = errno;
    if (fclose(file) != 0) {
        return -1;
    }
    errno = reason;
    return failed ? -1 : 0;
}

/* Where the file is, or will be: path with links followed. */
struct place {
    char *path;
    char *temporary;
};

static void place_done(struct place *place)
{
    free(place->path);
    free(place->temporary);
}

static int cannot_write(const char *path, const char *reason, struct error *error)
{
    error_set(error, "the snapshot cannot be written: %s: %s", path, reason);
    return -1;
}

/* Returns 0 with place to be done, or -1 with error filled. */
static int find_place(const char *path, struct place *ret_place, struct error *error)
{
    struct stat found;
    const bool is_there = lstat(path, &found) == 0;
    struct place place = {.path = is_there ? realpath(path, NULL) : strdup(path)};
    if (place.path == NULL) {
        return cannot_write(path, strerror(errno), error);
    }
    if (is_there && (stat(place.path, &found) != 0 || !S_ISREG(found.st_mode))) {
        free(place.path);
        return cannot_write(path, S_ISDIR(found.st_mode) ? "it is a directory" : "it is no regular file", error);
    }
    if (asprintf(&place.temporary, "%s.tmp", place.path) < 0) {
        free(place.path);
        return cannot_write(path, "out of memory", error);
    }
    *ret_place = place;
    return 0;
}

/* O_NOFOLLOW: what somebody else put there is not written through. */
static FILE *open_temporary(const struct place *place)
{
    const int fd = open(place->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (fd >= 0 && file == NULL) {
        close(fd);
    }
    return file;
}

int snapshot_file_try(const char *path, struct error *error)
{
    struct place place;
    if (find_place(path, &place, error) != 0) {
        return -1;
    }
    FILE *file = open_temporary(&place);
    if (file == NULL) {
        (void)cannot_write(place.temporary, strerror(errno), error);
    } else {
        fclose(file);
        unlink(place.temporary);
    }
    place_done(&place);
    return file == NULL ? -1 : 0;
}

int snapshot_file_write(const char *path, const struct snapshot_subject *subject, const struct counter_table *table,
                        const int64_t *offsets, size_t partition_count, struct error *error)
{
    struct place place;
    if (find_place(path, &place, error) != 0) {
        return -1;
    }
    int failed = -1;
    FILE *file = open_temporary(&place);
    if (file != NULL) {
        put_lines(file, subject, table, offsets, partition_count);
        failed = finish(file) != 0 || rename(place.temporary, place.path) != 0 ? -1 : 0;
    }
    if (failed != 0) {
        (void)cannot_write(place.temporary, strerror(errno), error);
    }
    if (failed != 0 && file != NULL) {
        unlink(place.temporary);
    }
    place_done(&place);
    return failed;
}
