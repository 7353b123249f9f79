/* PktmodTunnelReport.m - JSON of the tunnel's numbers. */
#import "tunnel-ext/darwin/PktmodTunnelReport.h"

#include <net/if.h>

#include <pktmod/version.h>

NSString *pm_tunnel_diagnostics(const struct pm_rules *rules)
{
    NSMutableString *text = [NSMutableString string];
    for (size_t i = 0; i < pm_rules_diagnostic_count(rules); i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);
        if (d->severity == PM_SEVERITY_ERROR)
            [text appendFormat:@"%s%s:%zu:%zu: error %s: %s", text.length > 0 ? "\n" : "", d->file,
                               d->line, d->column, d->code, d->message];
    }
    return text;
}

static NSNumber *number(uint64_t value)
{
    return [NSNumber numberWithUnsignedLongLong:value];
}

static NSMutableDictionary *good(void)
{
    NSMutableDictionary *answer = [NSMutableDictionary dictionary];
    [answer setObject:number(1) forKey:@"pktmod"];
    [answer setObject:[NSNumber numberWithBool:YES] forKey:@"ok"];
    return answer;
}

static NSMutableDictionary *refused(NSString *error)
{
    NSMutableDictionary *answer = good();
    [answer setObject:[NSNumber numberWithBool:NO] forKey:@"ok"];
    [answer setObject:error forKey:@"error"];
    return answer;
}

static NSArray *enteringOf(const struct pm_run_plan *plan)
{
    NSMutableArray *list = [NSMutableArray array];
    for (size_t i = 0; i < plan->count; i++) {
        char text[PM_ADDR_TEXT];
        pm_addr_text(&plan->prefixes[i].addr, text);
        [list addObject:[NSString stringWithFormat:@"%s/%u", text, plan->prefixes[i].bits]];
    }
    return list;
}

static NSString *nameOf(unsigned device)
{
    char name[IF_NAMESIZE];
    if (device == 0 || if_indextoname(device, name) == NULL)
        return @"";
    return [NSString stringWithUTF8String:name];
}

static NSDictionary *status(struct pm_courier *courier, const struct pm_run_plan *plan)
{
    struct pm_courier_stats stats;
    NSMutableDictionary *answer = good();
    pm_courier_stats(courier, &stats);
    [answer setObject:[NSString stringWithUTF8String:pm_version()] forKey:@"version"];
    [answer setObject:stats.has_passed ? @"carries" : @"begins" forKey:@"state"];
    [answer setObject:nameOf(stats.inside) forKey:@"device"];
    [answer setObject:nameOf(stats.outside) forKey:@"outside"];
    [answer setObject:enteringOf(plan) forKey:@"enters"];
    return answer;
}

static NSDictionary *stats(struct pm_courier *courier)
{
    struct pm_courier_stats s;
    pm_courier_stats(courier, &s);
    const struct {
        NSString *name;
        uint64_t value;
    } counters[] = {
        {@"in", s.tunnel.in},
        {@"out", s.tunnel.out},
        {@"unwritten", s.tunnel.unwritten},
        {@"inbox_full", s.inbox_full},
        {@"connections", s.tunnel.connections},
        {@"refused", s.tunnel.refused},
        {@"unreachable", s.tunnel.unreachable},
        {@"unanswered", s.tunnel.unanswered},
        {@"datagrams", s.tunnel.datagrams},
        {@"echoes", s.tunnel.echoes},
        {@"strays", s.tunnel.strays},
        {@"overflow", s.tunnel.overflow},
        {@"changed", s.rewriter.changed},
        {@"edits", s.edits},
        {@"policies", s.policies},
        {@"earlier_policies", s.earlier},
    };
    NSMutableDictionary *answer = good(), *why = [NSMutableDictionary dictionary];
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        [answer setObject:number(counters[i].value) forKey:counters[i].name];
    for (unsigned i = 0; i < PM_WHY_COUNT; i++)
        if (s.rewriter.why[i] != 0)
            [why setObject:number(s.rewriter.why[i])
                    forKey:[NSString stringWithUTF8String:pm_why_name((enum pm_why)i)]];
    [answer setObject:why forKey:@"why"];
    return answer;
}

static NSDictionary *answerTo(struct pm_courier *courier, const struct pm_run_plan *plan,
                              id request)
{
    id version =
        [request isKindOfClass:[NSDictionary class]] ? [request objectForKey:@"pktmod"] : nil;
    if (![version isKindOfClass:[NSNumber class]] || [version longValue] != 1)
        return refused(@"no request: {\"pktmod\": 1, \"command\": ...} is expected");
    id command = [request objectForKey:@"command"];
    if (![command isKindOfClass:[NSString class]])
        return refused(@"\"command\" is missing, or no text");
    if (courier == NULL)
        return refused(@"no tunnel runs");
    if ([command isEqualToString:@"status"])
        return status(courier, plan);
    if ([command isEqualToString:@"stats"])
        return stats(courier);
    if ([command isEqualToString:@"reload"])
        return refused(@"\"text\" is missing, or no text: the rules are expected there");
    return refused(
        [NSString stringWithFormat:@"\"%@\" is no command; status, stats and reload are", command]);
}

static id requestOf(NSData *message)
{
    id request = nil;
    @try { /* some versions raise where others answer nil */
        request = [NSJSONSerialization JSONObjectWithData:message options:0 error:NULL];
    } @catch (NSException *wrong) {
        (void)wrong;
    }
    return request;
}

static NSData *written(NSDictionary *answer)
{
    return [NSJSONSerialization dataWithJSONObject:answer options:0 error:NULL];
}

NSString *pm_tunnel_reload_of(NSData *message)
{
    id request = requestOf(message);
    if (![request isKindOfClass:[NSDictionary class]])
        return nil;
    id version = [request objectForKey:@"pktmod"], command = [request objectForKey:@"command"];
    id text = [request objectForKey:@"text"];
    bool is_reload = [version isKindOfClass:[NSNumber class]] && [version longValue] == 1 &&
                     [command isKindOfClass:[NSString class]] &&
                     [command isEqualToString:@"reload"] && [text isKindOfClass:[NSString class]];
    return is_reload ? text : nil;
}

NSData *pm_tunnel_reloaded(NSString *error)
{
    return written(error == nil ? good() : refused(error));
}

NSData *pm_tunnel_answer(struct pm_courier *courier, const struct pm_run_plan *plan,
                         NSData *message)
{
    return written(answerTo(courier, plan, requestOf(message)));
}
