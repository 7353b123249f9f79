/* PktmodFilterSettings.m - loads, changes and saves NEFilterManager's one configuration. */
#import "app/darwin/PktmodFilterSettings.h"

#import "filter-ext/darwin/PktmodControl.h"

static NSString *told(NSString *what, NSError *error)
{
    return [NSString
        stringWithFormat:@"%@ (%ld): %@", what, (long)error.code, error.localizedDescription];
}

@implementation PktmodFilterSettings

/* Saved before it was loaded, a configuration counts as stale. */
+ (void)change:(BOOL (^)(NEFilterManager *manager))edit done:(void (^)(NSString *error))done
{
    NEFilterManager *manager = [NEFilterManager sharedManager];
    [manager loadFromPreferencesWithCompletionHandler:^(NSError *unloaded) {
      if (unloaded != nil) {
          done(told(@"the filter's settings cannot be read", unloaded));
          return;
      }
      if (!edit(manager)) {
          done(nil);
          return;
      }
      [manager saveToPreferencesWithCompletionHandler:^(NSError *unsaved) {
        done(unsaved == nil ? nil : told(@"the filter's settings are not saved", unsaved));
      }];
    }];
}

/* Other keys stay: whose interfaces are our own is not ours to forget. */
static NSDictionary *withRules(NSDictionary *before, NSString *rules)
{
    NSMutableDictionary *after = [NSMutableDictionary dictionaryWithDictionary:before];
    [after setObject:rules forKey:PktmodRulesKey];
    return after;
}

+ (void)applyRules:(NSString *)rules
       toExtension:(NSString *)extension
              done:(void (^)(NSString *error))done
{
    [self
        change:^BOOL(NEFilterManager *manager) {
          NEFilterProviderConfiguration *settings = manager.providerConfiguration;
          if (settings == nil) /* until the first was saved */
              settings = [[[NEFilterProviderConfiguration alloc] init] autorelease];
          settings.filterPackets = YES;
          settings.filterSockets = NO;
          settings.filterPacketProviderBundleIdentifier = extension;
          NSDictionary *before = settings.vendorConfiguration;
          settings.vendorConfiguration = withRules(before == nil ? @{} : before, rules);
          manager.providerConfiguration = settings;
          manager.localizedDescription = @"pktmod";
          manager.enabled = YES;
          return YES;
        }
          done:done];
}

+ (void)disableWithDone:(void (^)(NSString *error))done
{
    [self
        change:^BOOL(NEFilterManager *manager) {
          if (!manager.enabled)
              return NO;
          manager.enabled = NO;
          return YES;
        }
          done:done];
}

@end
