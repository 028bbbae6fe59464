/* The rules of the protocol that a variant breaks, which is asked for with -D. Others are #ifdef where they belong. */

/* Where a lane of the sender is in Redis. */
#ifdef LANE_REUSED_EARLY
#define LANE_IN_REDIS(lane) 0
#else
#define LANE_IN_REDIS(lane) (lane)
#endif

#ifdef NEW_SESSION_AFTER_UNKNOWN
#define MAY_MOVE true
#else
#define MAY_MOVE (!ANY(IN_DOUBT))
#endif

#ifdef BATCH_MOVES_WHOLE
#define MOVES(p) (!refused[IN(MINE.batch, p)])
#else
#define MOVES(p) IDLE(p)
#endif

#ifdef HANDED_OUT_EARLY
#define OPENED(session) true
#elif PARTITIONS == 1
#define OPENED(session) opened[IN(session, 0)]
#else
#define OPENED(session) (opened[IN(session, 0)] && opened[IN(session, 1)])
#endif

#ifdef OPEN_STEP_TWICE
#define OPEN_STEPS 2
#else
#define OPEN_STEPS 1
#endif

#ifdef LOWER_NUMBER_APPLIED
#define IS_LATE(held, number) false
#define IS_NEW(held, number) (held != number)
#else
#define IS_LATE(held, number) (held > number)
#define IS_NEW(held, number) (held < number)
#endif
