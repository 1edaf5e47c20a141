/* crm.lookup{ phone = "+49 30 1234" }: who calls? An operation of your own in C, for scripts. The customers stand
 * in a table here; in your plugin this is where your database's client goes. */
#include <cjson/cJSON.h>
#include <string.h>
#include <switchhook.h>

struct customer {
    const char *phone, *name, *tier;
};

static const struct customer customers[] = {
    {"+49 30 1234", "Anna Schmidt", "gold"},
    {"+49 89 5678", "Bernd Maier", "standard"},
};

static const struct customer *find(const char *phone) {
    for (size_t i = 0; i < sizeof customers / sizeof *customers; i++) {
        if (strcmp(customers[i].phone, phone) == 0) {
            return &customers[i];
        }
    }
    return NULL;
}

static void give(struct switchhook_answer *answer, const struct customer *customer) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", customer->name);
    cJSON_AddStringToObject(object, "tier", customer->tier);
    char *text = cJSON_PrintUnformatted(object);
    if (text == NULL) {
        switchhook_answer_error(answer, "OutOfMemory", "no memory for the answer", true); /* later may be better */
    } else {
        switchhook_answer_json(answer, text, strlen(text));
    }
    cJSON_free(text);
    cJSON_Delete(object);
}

/* Called for several steps at once, from several threads: it only reads. */
static void lookup(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    (void)context;
    cJSON *given = cJSON_ParseWithLength(arguments, length);
    const char *phone = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(given, "phone"));
    const struct customer *customer = phone == NULL ? NULL : find(phone);
    if (phone == NULL) {
        switchhook_answer_error(answer, "BadArguments", "crm.lookup needs { phone = \"...\" }", false);
    } else if (customer == NULL) {
        switchhook_answer_json(answer, "null", 4); /* nil for the script: nobody we know */
    } else {
        give(answer, customer);
    }
    cJSON_Delete(given);
}

int switchhook_plugin(struct switchhook_registry *registry) {
    return switchhook_register(registry, "crm.lookup", lookup, NULL, 0);
}
