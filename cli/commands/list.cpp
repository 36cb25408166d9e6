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

constexpr report::Column kColumns[] = {{"name", "NAME"},        {"version", ""},       {"identifiers", "IDENTIFIERS"},
                                       {"issuer", "ISSUER"},    {"not_before", ""},    {"not_after", "EXPIRES"},
                                       {"revoked", "REVOKED"},  {"environment", "ENV"}, {"key", "KEY"},
                                       {"subject", ""},         {"issuer_dn", ""},     {"serial", ""},
                                       {"fingerprint", "FINGERPRINT"}};

int run(Context& context) {
  const Arguments& arguments = context.arguments;
  const reconcile::Host host = context.host();
  const base::Time now = host.clock();
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
  inventory::CertificateFilter filter;
  filter.now = now;
  if (const auto expiring = arguments.one("expiring")) filter.expires_before = now + duration_argument(*expiring, "--expiring");
  filter.environment = arguments.one("env").value_or("");
  filter.issuer = arguments.one("issuer").value_or("");
  filter.name = arguments.one("name").value_or("");
  filter.managed_only = arguments.has("managed");
  filter.all = arguments.has("all");
  const auto sink = open_sink(context, now);
  sink->begin(kColumns);
  inventory::Certificates(store).each(filter, [&](const inventory::CertificateRecord& record) {
    const std::string fingerprint = record.fingerprint.text();
    const std::string_view shown = context.output == Output::json ? std::string_view(fingerprint) : std::string_view(fingerprint).substr(0, 16);
    const report::Cell cells[] = {
        record.managed ? report::Cell(std::string_view(record.managed->text())) : report::Cell(),
        record.version ? report::Cell(std::int64_t{*record.version}) : report::Cell(),
        std::string_view(record.names.raw()),
        record.issuer_name.empty() ? report::Cell() : report::Cell(std::string_view(record.issuer_name)),
        record.not_before,
        record.not_after,
        record.revoked_at.has_value(),
        record.environment.empty() ? report::Cell() : report::Cell(std::string_view(record.environment)),
        std::string_view(record.key),
        std::string_view(record.subject.raw()),
        std::string_view(record.issuer.raw()),
        std::string_view(record.serial),
        shown};
    sink->row(cells);
  });
  sink->end();
  return 0;
}

}  // namespace

extern const Command list_command;
const Command list_command{"list", Group::inventory, "list certificates, the first to expire first",
                           "  everseal list\n"
                           "  everseal list --expiring 30d --json\n"
                           "  everseal list --name '*.example.org' --all",
                           kArguments, run};

}  // namespace everseal::cli
