/* filter_push.m - pushes recorded frames through the macOS packet filter, from several threads.
 *
 *     filter_push RULES < frames > fates
 *
 * A frame: thread (1 byte), direction (1, as NETrafficDirection), kind (1, as nw_interface_type_t),
 * 0 (1), length (4, big-endian), bytes. Those of a thread are pushed in their order. A fate is one
 * letter for each frame, in the order they came: p passed, d dropped, P and D after a wait. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#import "NEDouble.h"
#import "filter-ext/darwin/PktmodPacketFilterProvider.h"

#define THREADS_MAX 16u

struct frame {
    struct frame *next; /* of the same thread */
    unsigned number;
    uint8_t direction, kind;
    size_t len;
    uint8_t bytes[];
};

struct worker {
    pthread_t thread;
    NEDoubleFilter *filter;
    struct frame *first, *last;
};

static struct frame *read_frame(unsigned number, unsigned *thread)
{
    uint8_t head[8];
    if (fread(head, 1, sizeof head, stdin) != sizeof head)
        return NULL;
    size_t len = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
    struct frame *frame = calloc(1, sizeof *frame + len);
    if (frame == NULL || fread(frame->bytes, 1, len, stdin) != len) {
        fprintf(stderr, "filter_push: frame %u is cut\n", number);
        exit(2);
    }
    *thread = head[0] % THREADS_MAX;
    frame->number = number;
    frame->direction = head[1];
    frame->kind = head[2];
    frame->len = len;
    return frame;
}

static unsigned read_all(struct worker workers[THREADS_MAX])
{
    unsigned count = 0, thread = 0;
    struct frame *frame;
    while (count < NE_JOURNAL_CAP && (frame = read_frame(count, &thread)) != NULL) {
        struct worker *w = &workers[thread];
        if (w->last != NULL)
            w->last->next = frame;
        else
            w->first = frame;
        w->last = frame;
        count++;
    }
    return count;
}

static void *run(void *context)
{
    struct worker *w = context;
    ne_double_enter_thread();
    @autoreleasepool {
        NEDoubleInterface *wired = [NEDoubleInterface named:"en5"
                                                      index:5
                                                       type:nw_interface_type_wired];
        NEDoubleInterface *utun = [NEDoubleInterface named:"utun3"
                                                     index:9
                                                      type:nw_interface_type_other];
        for (struct frame *f = w->first; f != NULL; f = f->next)
            (void)[w->filter deliver:f->bytes
                              length:f->len
                           interface:f->kind == nw_interface_type_wired ? wired : utun
                           direction:(NETrafficDirection)f->direction
                              number:f->number];
    }
    for (struct frame *f = w->first, *next; f != NULL; f = next) {
        next = f->next;
        free(f);
    }
    return NULL;
}

static char letter(enum ne_fate fate)
{
    switch (fate) {
    case NE_PASSED:
        return 'p';
    case NE_DROPPED:
        return 'd';
    case NE_DELAYED_PASSED:
        return 'P';
    case NE_DELAYED_DROPPED:
        return 'D';
    case NE_FATE_NONE:
    case NE_DELAYED:
        break;
    }
    return '?';
}

int main(int argc, char *argv[])
{
    static struct worker workers[THREADS_MAX];
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    NSString *rules =
        argc == 2 ? [NSString stringWithContentsOfFile:[NSString stringWithUTF8String:argv[1]]
                                              encoding:NSUTF8StringEncoding
                                                 error:NULL]
                  : nil;
    PktmodPacketFilterProvider *provider = [[[PktmodPacketFilterProvider alloc] init] autorelease];
    NEDoubleFilter *filter = [[[NEDoubleFilter alloc] initWithProvider:provider] autorelease];
    if (rules == nil) {
        fprintf(stderr, "usage: filter_push RULES < frames\n");
        return 2;
    }
    [filter configure:@{PktmodRulesKey : rules}];
    NSError *error = [filter start];
    if (error != nil) {
        fprintf(stderr, "filter_push: %s\n", [[error localizedDescription] UTF8String]);
        return 2;
    }
    unsigned count = read_all(workers);
    for (unsigned t = 0; t < THREADS_MAX; t++) {
        workers[t].filter = filter;
        if (pthread_create(&workers[t].thread, NULL, run, &workers[t]) != 0)
            abort();
    }
    for (unsigned t = 0; t < THREADS_MAX; t++)
        (void)pthread_join(workers[t].thread, NULL);
    [filter stop];
    for (unsigned i = 0; i < count; i++)
        putchar(letter([filter fateOf:i]));
    putchar('\n');
    [pool drain];
    return 0;
}
