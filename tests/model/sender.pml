/* A sender: opens sessions, numbers its batches, repeats them, gives them up, tells callers what became of them. */

#define ME senders[sender]
#define MINE LANE(sender, lane)
#define IDLE(p) (MINE.state[p] == idle)
#define IN_DOUBT(p) (IDLE(p) && MINE.doubt[p])
#define WAITING(p) (MINE.state[p] == waiting)
#define ANSWERED(p) (MINE.state[p] == written || MINE.state[p] == not_written)
#define OUT (ANY(WAITING) || ANY(ANSWERED))
#define MAY_SEND (ANY(IDLE) && !OUT && MINE.attempt < ATTEMPTS)

#ifdef OWN_CONNECTIONS
#define FREE(service) true
inline send(service) {
    for (p : 0 .. PARTITIONS - 1) {
        if
        :: WAITING(p) ->
            COMMAND((MINE.batch - 1) * ATTEMPTS + MINE.attempt - 1, p) ! MINE.session, lane, MINE.number, MINE.batch,
                MINE.attempt
        :: else
        fi
    }
    p = 0
}
#else
#define FREE(service) nfull(CALL(sender, service))
inline send(service) {
    CALL(sender, service) ! MINE.session, lane, MINE.number, MINE.batch, MINE.attempt, BITS(WAITING)
}
#endif

inline send_idle(service) {
    for (p : 0 .. PARTITIONS - 1) {
        if
        :: IDLE(p) -> MINE.state[p] = waiting
        :: else
        fi
    }
    p = 0;
    MINE.attempt++;
    printf("sender %d: batch %d, attempt %d, by service %d: session %d lane %d number %d\n", sender, MINE.batch,
        MINE.attempt, service, MINE.session, LANE_IN_REDIS(lane), MINE.number);
    send(service)
}

inline take_number() {
    ME.number++;
    MINE.number = ME.number;
    MINE.session = ME.session
}

/* A lane is free when the items of its batch are settled in each partition. */
inline settle(q) {
    MINE.state[q] = told;
    MINE.doubt[q] = false;
    if
    :: ANY(IDLE) || OUT
    :: else -> MINE.batch = 0; MINE.session = 0; MINE.number = 0; MINE.attempt = 0
    fi
}

inline read_written(q) {
    MINE.state[q] == written ->
    printf("sender %d: batch %d partition %d told applied\n", sender, MINE.batch, q);
    CHECK(count[IN(MINE.batch, q)] == 1 || lost[IN(MINE.batch, q)], "BROKEN: told applied, and does not count\n");
#ifdef ANSWER_SETTLES_ALL
    for (p : 0 .. PARTITIONS - 1) {
        MINE.doubt[p] = false
    }
    p = 0;
#endif
    settle(q)
}

inline read_not_written(q) {
    MINE.state[q] == not_written ->
    printf("sender %d: batch %d partition %d: attempt %d was not applied\n", sender, MINE.batch, q, MINE.attempt);
#ifdef N_AFTER_UNKNOWN
    MINE.doubt[q] = false;
#endif
    MINE.state[q] = idle
}

inline give_up(q) {
    IDLE(q) ->
    if
    :: MINE.doubt[q] -> printf("sender %d: batch %d partition %d told unknown\n", sender, MINE.batch, q)
    :: else ->
        printf("sender %d: batch %d partition %d told not applied\n", sender, MINE.batch, q);
        CHECK(NEVER_COUNTED(IN(MINE.batch, q)), "BROKEN: told not applied, and was counted\n");
        refused[IN(MINE.batch, q)] = true
    fi;
    settle(q)
}

/* The first attempt or a later one, with all that is idle. */
inline attempt_by(service) {
    MAY_SEND && FREE(service) ->
    send_idle(service)
}

/* What is certainly not applied goes to a new session; the old batch is then never sent again. */
inline move_by(service) {
    MAY_SEND && FREE(service) && ME.session != MINE.session && MAY_MOVE ->
    printf("sender %d: batch %d moves to session %d\n", sender, MINE.batch, ME.session);
    for (p : 0 .. PARTITIONS - 1) {
        CHECK(!IDLE(p) || NEVER_COUNTED(IN(MINE.batch, p)), "BROKEN: moved to a new session, and was counted\n");
        MINE.state[p] = (MOVES(p) -> idle : MINE.state[p])
    }
    p = 0;
    take_number();
    send_idle(service)
}

/* Which of its free lanes a sender takes is left open: nothing may depend on it. The first one is always lane 0. */
proctype LaneOfSender(byte sender; byte lane) {
    byte p;
    do
    :: STEP { /* The next batch. */
        MINE.batch == 0 && ME.session != 0 && ME.batches < BATCHES && (lane == 0 || ME.batches > 0) ->
        ME.batches++;
        MINE.batch = BATCH(sender, ME.batches);
        take_number();
        for (p : 0 .. PARTITIONS - 1) {
            MINE.state[p] = idle
        }
        p = 0
      }
    :: STEP { /* An attempt is given up, at a deadline, or its connection is lost: what was not read is unknown. */
        OUT ->
        printf("sender %d: batch %d, attempt %d ended unknown\n", sender, MINE.batch, MINE.attempt);
        for (p : 0 .. PARTITIONS - 1) {
            if
            :: WAITING(p) || ANSWERED(p) -> MINE.state[p] = idle; MINE.doubt[p] = true
            :: else
            fi
        }
        p = 0
      }
    :: STEP { attempt_by(0) }
    :: STEP { move_by(0) }
#ifndef OWN_CONNECTIONS
    :: STEP { attempt_by(1) }
    :: STEP { move_by(1) }
#endif
    :: STEP { read_written(0) }
    :: STEP { read_not_written(0) }
    :: STEP { give_up(0) }
#if PARTITIONS == 2
    :: STEP { read_written(1) }
    :: STEP { read_not_written(1) }
    :: STEP { give_up(1) }
#endif
    od
}

/* The sender opens a session when it likes: at the start, when it lost one, after a stuck time. */
proctype SessionOfSender(byte sender) {
    byte p;
    do
    :: STEP {
        ME.opened < SESSIONS ->
        ME.opened++;
        printf("sender %d: opens session %d\n", sender, SESSION(sender, ME.opened));
        for (p : 0 .. PARTITIONS - 1) {
            opening[IN(SESSION(sender, ME.opened), p)] = OPEN_STEPS
        }
        p = 0
      }
    :: STEP {
        ME.opened > 0 && ME.session != SESSION(sender, ME.opened) && OPENED(SESSION(sender, ME.opened)) ->
        ME.session = SESSION(sender, ME.opened);
        printf("sender %d: has session %d\n", sender, ME.session);
        for (p : 0 .. PARTITIONS - 1) {
            opened[IN(ME.session, p)] = false
        }
        p = 0
      }
    od
}
