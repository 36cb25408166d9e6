#include "command.h"
#include "reconcile/access.h"
#include "reconcile/ca_overview.h"
#include "reconcile/overview.h"
#include "show_rows.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using report::Align;
using report::Narrow;

constexpr report::Column kCaListColumns[] = {{"name", "NAME", Align::left, Narrow::keep},
                                             {"role", "ROLE", Align::left, Narrow::keep},
                                             {"generation", "GEN", Align::right, Narrow::keep, 1},
                                             {"state", "STATE", Align::left, Narrow::keep},
                                             {"not_after", "EXPIRES", Align::left, Narrow::keep},
                                             {"crl_next_update", "CRL UNTIL", Align::left, Narrow::keep},
                                             {"subject", "SUBJECT", Align::left, Narrow::cut, 2},
                                             {"fingerprint", "FINGERPRINT", Align::left, Narrow::cut, 3},
                                             {"standing", "STANDING", Align::left, Narrow::keep},
                                             {"needs_attention", "ATTENTION", Align::left, Narrow::keep, 4},
                                             {"why", "WHY", Align::left, Narrow::wrap}};

// `state` is a generation's; how its authority stands is what `list` says.
const plan::StandingState* standing_of(const reconcile::Overview& overview, const reconcile::CaCertificate& one) {
  if (one.record.state == inventory::GenerationState::retired) return nullptr;
  const auto found = std::ranges::find(overview.authorities, one.record.authority, &reconcile::ManagedAuthority::name);
  return found == overview.authorities.end() ? nullptr : &found->state;
}

int run_ca_list(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  const reconcile::Overview overview = reconcile::overview(host, store);
  const auto sink = open_sink(context);
  sink->begin("authorities", kCaListColumns);
  for (const reconcile::CaCertificate& one : reconcile::ca_certificates(store)) {
    const bool signs = one.record.role == inventory::AuthorityRole::intermediate;
    const plan::StandingState* const standing = standing_of(overview, one);
    const bool needs = standing != nullptr && standing->attention == plan::Attention::needed;
    const auto tone = needs ? report::Tone::bad : report::Tone::plain;
    const report::Cell cells[] = {
        one.record.authority.text(),
        signs ? "intermediate" : "root",
        one.record.generation,
        to_string(one.record.state),
        one.certificate.not_after(),
        one.crl_until ? report::Cell(*one.crl_until) : report::Cell(),
        one.certificate.subject(),
        one.record.fingerprint.text(),
        standing == nullptr ? report::Cell() : report::Cell(report::Cell(to_string(standing->state)), tone),
        needs,
        standing == nullptr || standing->why.empty() ? report::Cell() : report::Cell(standing->why)};
    sink->row(cells);
  }
  sink->end();
  return 0;
}

}  // namespace

extern const Command ca_list_command;
const Command ca_list_command{
    "ca list",
    Group::authority,
    "list the internal CAs",
    "STATE is that of a generation, STANDING how the authority fares: live, or what needs somebody, with the reason.\n"
    "`everseal list --check` exits with 3 where an authority needs somebody.",
    {},
    run_ca_list};

}  // namespace everseal::cli
