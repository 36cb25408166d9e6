#include "command.h"
#include "reconcile/access.h"
#include "reconcile/ca_overview.h"
#include "show_rows.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using report::Align;
using report::Narrow;

constexpr report::Column kCaListColumns[] = {
    {"name", "NAME", Align::left, Narrow::keep},          {"role", "ROLE", Align::left, Narrow::keep},
    {"generation", "GEN", Align::right, Narrow::keep, 1}, {"state", "STATE", Align::left, Narrow::keep},
    {"not_after", "EXPIRES", Align::left, Narrow::keep},  {"crl_next_update", "CRL UNTIL", Align::left, Narrow::keep},
    {"subject", "SUBJECT", Align::left, Narrow::cut, 2},  {"fingerprint", "FINGERPRINT", Align::left, Narrow::cut, 3}};

int run_ca_list(Context& context) {
  inventory::Store store = reconcile::open_store(context.host(), sql::Access::read_only);
  const auto sink = open_sink(context);
  sink->begin("authorities", kCaListColumns);
  for (const reconcile::CaCertificate& one : reconcile::ca_certificates(store)) {
    const bool signs = one.record.role == inventory::AuthorityRole::intermediate;
    const report::Cell cells[] = {
        one.record.authority.text(), signs ? "intermediate" : "root",
        one.record.generation,       to_string(one.record.state),
        one.certificate.not_after(), one.crl_until ? report::Cell(*one.crl_until) : report::Cell(),
        one.certificate.subject(),   one.record.fingerprint.text()};
    sink->row(cells);
  }
  sink->end();
  return 0;
}

}  // namespace

extern const Command ca_list_command;
const Command ca_list_command{"ca list", Group::authority, "list the internal CAs", "", {}, run_ca_list};

}  // namespace everseal::cli
