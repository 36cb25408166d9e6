#include "command.h"
#include "inventory/certificates.h"
#include "show_rows.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "--expiring", .summary = "only what ends within this time", .value = "30d"},
    {.name = "--name", .summary = "only with this name; \"*.example.org\": every name below", .value = "NAME"},
    {.name = "--env", .summary = "only of this environment", .value = "ENV"},
    {.name = "--issuer", .summary = "only from this issuer", .value = "NAME"},
    {.name = "--managed", .summary = "only what is kept alive", .type = ArgumentType::flag},
    {.name = "--all", .summary = "also expired, retired and CA certificates", .type = ArgumentType::flag},
};

using report::Cell;
using report::Column;

// People see what tells certificates apart; JSON has all of it.
constexpr Column kShown[] = {
    {"name", "NAME"}, {"identifiers", "IDENTIFIERS"}, {"issuer", "ISSUER"}, {"environment", "ENV"},
    {"key", "KEY"},   {"not_after", "EXPIRES"},       {"left", "LEFT"},     {"state", "STATE"}};
constexpr Column kAll[] = {{"name", ""},        {"version", ""}, {"identifiers", ""}, {"issuer", ""},
                           {"environment", ""}, {"key", ""},     {"not_before", ""},  {"not_after", ""},
                           {"revoked_at", ""},  {"subject", ""}, {"issuer_dn", ""},   {"serial", ""},
                           {"fingerprint", ""}, {"state", ""}};

std::string_view state_of(const inventory::CertificateRecord& record, base::Time now) {
  if (record.revoked_at) return "revoked";
  if (record.not_after <= now) return "expired";
  if (record.version_state) return to_string(*record.version_state);
  return record.is_ca ? "ca" : "seen";
}

Cell text_or_null(const std::string& text) { return text.empty() ? Cell() : Cell(text); }

int run(Context& context) {
  const Arguments& arguments = context.arguments;
  const reconcile::Host host = context.host();
  const base::Time now = host.clock();
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
  inventory::CertificateFilter filter;
  filter.now = now;
  if (const auto expiring = arguments.one("expiring"))
    filter.expires_before = now + duration_argument(*expiring, "--expiring");
  filter.environment = arguments.one("env").value_or("");
  filter.issuer = arguments.one("issuer").value_or("");
  filter.name = arguments.one("name").value_or("");
  filter.managed_only = arguments.has("managed");
  filter.all = arguments.has("all");
  const auto sink = open_sink(context);
  const bool json = context.output == Output::json;
  sink->begin("certificates", json ? std::span<const Column>(kAll) : std::span<const Column>(kShown));
  inventory::Certificates(store).each(filter, [&](const inventory::CertificateRecord& record) {
    const Cell name = record.managed ? Cell(record.managed->text()) : Cell();
    if (json) {
      const Cell cells[] = {name,
                            record.version,
                            record.names,
                            text_or_null(record.issuer_name),
                            text_or_null(record.environment),
                            record.key,
                            record.not_before,
                            record.not_after,
                            record.revoked_at,
                            record.subject,
                            record.issuer,
                            record.serial,
                            record.fingerprint.text(),
                            state_of(record, now)};
      return sink->row(cells);
    }
    const Cell cells[] = {name,
                          record.names.raw().empty() ? Cell(record.subject) : Cell(record.names),
                          text_or_null(record.issuer_name),
                          text_or_null(record.environment),
                          record.key,
                          base::format_time(record.not_after).substr(0, 10),
                          record.not_after > now ? base::approximate(record.not_after - now) : std::string("-"),
                          state_of(record, now)};
    sink->row(cells);
  });
  sink->end();
  return 0;
}

}  // namespace

extern const Command list_command;
const Command list_command{"list",
                           Group::inventory,
                           "list certificates, the first to expire first",
                           "  everseal list\n"
                           "  everseal list --expiring 30d --json\n"
                           "  everseal list --name '*.example.org' --all",
                           kArguments,
                           run};

}  // namespace everseal::cli
