/* Redis: the write script, the life of a session's hash, and the loss of data. */

#define HASH hashes[IN(session, partition)]
#define HELD HASH.number[LANE_IN_REDIS(lane)]
#define SENDERS_LANE LANE(OWNER(session), lane)

inline apply() {
    printf("redis: A to batch %d, attempt %d, in partition %d: applied\n", batch, attempt, partition);
    count[IN(batch, partition)]++;
    CHECK(count[IN(batch, partition)] == 1, "BROKEN: counted twice\n");
    CHECK(!refused[IN(batch, partition)], "BROKEN: counted, and was told not applied\n");
    HELD = number;
    HASH.batch[LANE_IN_REDIS(lane)] = batch;
    answer(partition, written)
}

/* What arrives by one connection at one partition: the write script, in one step. */
proctype Redis(byte connection; byte partition) {
    byte session, lane, number, batch, attempt;
    do
    :: STEP {
        COMMAND(connection, partition) ? session, lane, number, batch, attempt ->
        if
        :: !HASH.exists ->
#ifdef HASH_CREATED
            HASH.exists = true;
            apply()
#else
            printf("redis: N to batch %d, attempt %d, in partition %d: no session\n", batch, attempt, partition);
            answer(partition, not_written)
#endif
        :: HASH.exists && HELD == number ->
            printf("redis: S to batch %d, attempt %d, in partition %d: stored results\n", batch, attempt, partition);
            CHECK(HASH.batch[LANE_IN_REDIS(lane)] == batch, "BROKEN: the results of another batch\n");
            answer(partition, written)
        :: HASH.exists && IS_LATE(HELD, number) ->
            printf("redis: C to batch %d, attempt %d, in partition %d: a higher number\n", batch, attempt, partition);
#ifndef C_MAY_REACH_AN_OPEN_BATCH
            CHECK(SENDERS_LANE.batch != batch || SENDERS_LANE.session != session, "BROKEN: C for an open batch\n");
#endif
            answer(partition, not_written)
        :: HASH.exists && IS_NEW(HELD, number) ->
            apply()
        fi;
        session = 0; lane = 0; number = 0; batch = 0; attempt = 0
      }
#ifdef OWN_CONNECTIONS
    :: STEP { /* The service refuses what is for this partition, and sends nothing there: its Redis is down. */
        COMMAND(connection, partition) ? session, lane, number, batch, attempt ->
        printf("service: refuses batch %d, attempt %d, in partition %d\n", batch, attempt, partition);
        answer(partition, not_written);
        session = 0; lane = 0; number = 0; batch = 0; attempt = 0
      }
#else
    :: STEP { /* The connection is cut: what Redis has not read yet is lost. */
        nempty(COMMAND(connection, partition)) ->
        printf("service %d: its commands to partition %d are lost\n", connection, partition);
        do
        :: nempty(COMMAND(connection, partition)) -> COMMAND(connection, partition) ? _, _, _, _, _
        :: empty(COMMAND(connection, partition)) -> break
        od;
        skip
      }
#endif
    od
}

inline clear_record(l) {
    HASH.number[l] = 0;
    HASH.batch[l] = 0
}

inline clear_hash() {
    HASH.exists = false;
    for (lane : 0 .. LANES - 1) {
        clear_record(lane)
    }
    lane = 0
}

/* A session in one partition. */
proctype SessionInRedis(byte session; byte partition) {
    byte lane;
    do
    :: STEP { /* The open step, sent once. One that is lost never comes. */
        opening[IN(session, partition)] > 0 ->
        printf("redis: session %d opened in partition %d\n", session, partition);
        opening[IN(session, partition)]--;
        opened[IN(session, partition)] = true;
        HASH.exists = true
      }
    :: STEP { /* It expires, or is deleted; what was counted stays. */
        HASH.exists ->
        printf("redis: session %d expires in partition %d\n", session, partition);
        clear_hash()
      }
#ifdef RECORD_DROPPED_AFTER_TIME
    :: STEP { /* At any time. */
        HASH.number[0] != 0 ->
        printf("redis: session %d forgets what its lane 0 did\n", session);
        clear_record(0)
      }
#endif
#ifdef RECORD_DROPPED_AFTER_RESULTS
    :: STEP { /* The lane's batch is no longer open at its sender. */
        HASH.number[0] != 0 && LANE(OWNER(session), 0).number != HASH.number[0] ->
        printf("redis: session %d drops the record of lane 0, whose batch is done with\n", session);
        clear_record(0)
      }
#endif
    od
}

/* What a loss leaves: nothing, or what the last backup holds. */
#ifdef BACKUPS
Hash saved_hashes[IN(SESSIONS_IN_ALL + 1, 0)];
byte saved_count[IN(BATCHES_IN_ALL + 1, 0)];
#define LEFT_COUNT saved_count[IN(batch, partition)]
#define LEFT(field) saved_hashes[IN(session, partition)].field
#else
#define LEFT_COUNT 0
#define LEFT(field) 0
#endif
#define COUNT count[IN(batch, partition)]
#define LOST lost[IN(batch, partition)]

/* Redis loses data: wiped, replaced, restored from a backup, a failover without the last writes. Sessions and counts go
 * together. */
proctype Loss(byte partition) {
    byte session, batch, lane;
    do
    :: STEP {
        printf("redis: partition %d is lost\n", partition);
        for (batch : 1 .. BATCHES_IN_ALL) {
            LOST = LOST || COUNT > LEFT_COUNT;
            COUNT = LEFT_COUNT
        }
        batch = 0;
        for (session : 1 .. SESSIONS_IN_ALL) {
            HASH.exists = LEFT(exists);
            for (lane : 0 .. LANES - 1) {
                HASH.number[lane] = LEFT(number[lane]);
                HASH.batch[lane] = LEFT(batch[lane])
            }
        }
        session = 0; lane = 0
      }
#ifdef BACKUPS
    :: STEP {
        printf("redis: a backup of partition %d is made\n", partition);
        for (batch : 1 .. BATCHES_IN_ALL) {
            LEFT_COUNT = COUNT
        }
        batch = 0;
        for (session : 1 .. SESSIONS_IN_ALL) {
            LEFT(exists) = HASH.exists;
            for (lane : 0 .. LANES - 1) {
                LEFT(number[lane]) = HASH.number[lane];
                LEFT(batch[lane]) = HASH.batch[lane]
            }
        }
        session = 0; lane = 0
      }
#endif
    od
}
