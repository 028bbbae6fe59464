/* A service between sender and Redis. */

/* To the sender. An answer to an attempt that was given up is read by nobody. */
inline answer(p, how) {
    if
    :: LANE(OWNER(session), lane).batch == batch && LANE(OWNER(session), lane).attempt == attempt &&
       LANE(OWNER(session), lane).state[p] == waiting ->
        LANE(OWNER(session), lane).state[p] = how
    :: else
    fi
}

#ifndef OWN_CONNECTIONS
#ifdef SERVICE_RESENDS
#define SPACE(p) (len(COMMAND(service, p)) + 1 < DEPTH)
#else
#define SPACE(p) nfull(COMMAND(service, p))
#endif
#if PARTITIONS == 1
#define CAN_FORWARD SPACE(0)
#else
#define CAN_FORWARD (SPACE(0) && SPACE(1))
#endif

/* What a service does for one sender. It remembers nothing: a crash is that its calls are gone; what it has sent to
 * Redis may still arrive. */
proctype Service(byte service; byte sender) {
    byte session, lane, number, batch, attempt, parts, p;
    do
    :: STEP { /* A command for each partition. */
        nempty(CALL(sender, service)) && CAN_FORWARD ->
        CALL(sender, service) ? session, lane, number, batch, attempt, parts;
        printf("service %d: sends batch %d, attempt %d, to Redis\n", service, batch, attempt);
        for (p : 0 .. PARTITIONS - 1) {
            if
            :: parts & (1 << p) ->
#ifdef SERVICE_RESENDS
                printf("service %d: will lose the reply to a first copy, attempt 0, and send it again\n", service);
                COMMAND(service, p) ! session, lane, number, batch, 0;
#endif
                COMMAND(service, p) ! session, lane, number, batch, attempt
            :: else
            fi
        }
        p = 0; session = 0; lane = 0; number = 0; batch = 0; attempt = 0; parts = 0
      }
    :: STEP { /* Refused, and nothing sent: Redis is down, too much to do. */
        CALL(sender, service) ? session, lane, number, batch, attempt, parts ->
        printf("service %d: refuses batch %d, attempt %d\n", service, batch, attempt);
        for (p : 0 .. PARTITIONS - 1) {
            if
            :: parts & (1 << p) -> answer(p, not_written)
            :: else
            fi
        }
        p = 0; session = 0; lane = 0; number = 0; batch = 0; attempt = 0; parts = 0
      }
    :: STEP { /* The connection is cut, or the service crashes. */
        nempty(CALL(sender, service)) ->
        printf("service %d: sender %d's calls are lost\n", service, sender);
        do
        :: nempty(CALL(sender, service)) -> CALL(sender, service) ? _, _, _, _, _, _
        :: empty(CALL(sender, service)) -> break
        od;
        skip
      }
    od
}
#endif
