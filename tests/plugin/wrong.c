/* Plugins that are refused, each by one mistake: WRONG says which. */
#include <switchhook.h>

static void nothing(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    (void)context;
    (void)arguments;
    (void)length;
    (void)answer;
}

#if WRONG == WRONG_NO_ENTRY
__attribute__((visibility("default"))) void (*wrong)(void *, const char *, size_t,
                                                     struct switchhook_answer *) = nothing;
#else
int switchhook_plugin(struct switchhook_registry *registry) {
    (void)nothing;
#if WRONG == WRONG_CLASH
    return switchhook_register(registry, "test.echo", nothing, NULL, 0);
#elif WRONG == WRONG_VERSION
    return registry->add(registry, 99, "old.echo", nothing, NULL, 0);
#elif WRONG == WRONG_EMPTY
    (void)registry;
    return 0;
#elif WRONG == WRONG_RESERVED
    return switchhook_register(registry, "router.jobs", nothing, NULL, 0);
#elif WRONG == WRONG_NAME
    return switchhook_register(registry, "crm-lookup", nothing, NULL, 0);
#elif WRONG == WRONG_REFUSES
    return switchhook_refuse(registry, registry->is_dry ? "dry" : "the CRM is not there");
#elif WRONG == WRONG_SILENT
    switchhook_register(registry, "test.echo", nothing, NULL, 0);
    return 7;
#elif WRONG == WRONG_FLAGS
    return switchhook_register(registry, "test.echo", nothing, NULL, 1U << 31);
#endif
}
#endif
