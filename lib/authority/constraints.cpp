#include "authority/authority.h"
#include "base/error.h"
#include "base/text.h"
#include "pki/der.h"

#include <algorithm>
#include <bit>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace everseal::authority {
namespace {

using pki::IdentifierKind;
namespace der = pki::der;

constexpr std::uint8_t kNameConstraints[] = {0x55, 0x1d, 0x1e};

std::optional<base::BytesView> find_extension(base::BytesView certificate, base::BytesView id) {
  der::Reader outer(der::Reader(certificate).expect(der::kSequence).contents);
  der::Reader tbs(outer.expect(der::kSequence).contents);
  while (!tbs.done()) {
    const der::Element field = tbs.next();
    if (field.tag != der::context_constructed(3)) continue;
    der::Reader extensions(der::Reader(field.contents).expect(der::kSequence).contents);
    while (!extensions.done()) {
      der::Reader extension(extensions.expect(der::kSequence).contents);
      const der::Element found = extension.expect(der::kObjectId);
      extension.next_if(der::kBoolean);
      if (std::ranges::equal(found.contents, id)) return extension.expect(der::kOctetString).contents;
    }
  }
  return std::nullopt;
}

// "10.0.0.0/8" of address and mask.
std::string network_text(base::BytesView octets) {
  if (octets.size() != 8 && octets.size() != 32)
    throw base::Error(base::Fault::invalid, "a name constraint's network is neither 8 nor 32 octets long");
  const std::size_t half = octets.size() / 2;
  int bits = 0;
  bool ended = false;
  for (const std::uint8_t octet : octets.subspan(half)) {
    const int ones = std::countl_one(octet);
    if ((ended && octet != 0) || std::popcount(octet) != ones)
      throw base::Error(base::Fault::invalid, "a name constraint's mask is not contiguous");
    ended = ended || ones < 8;
    bits += ones;
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(half == 4 ? AF_INET : AF_INET6, octets.data(), text, sizeof text);
  return fmt::format("{}/{}", text, bits);
}

void read_subtrees(base::BytesView contents, std::vector<pki::NameConstraint>& into, bool& has_others) {
  der::Reader trees(contents);
  while (!trees.done()) {
    der::Reader tree(trees.expect(der::kSequence).contents);
    const der::Element name = tree.next();
    // minimum and maximum are not used in RFC 5280's profile; what uses them is judged by building the chain.
    if (!tree.done()) has_others = true;
    const std::string text(base::as_text(name.contents));
    if (name.tag == der::context(1)) {
      const std::size_t host = text.find('@') + 1;  // 0 without a mailbox; a mailbox is case-sensitive
      into.push_back({IdentifierKind::email, text.substr(0, host) + base::lower(text.substr(host))});
    } else if (name.tag == der::context(2)) {
      into.push_back({IdentifierKind::dns, base::lower(text)});
    } else if (name.tag == der::context(6)) {
      into.push_back({IdentifierKind::uri, base::lower(text)});
    } else if (name.tag == der::context(7)) {
      into.push_back({IdentifierKind::ip, network_text(name.contents)});
    } else {
      has_others = true;
    }
  }
}

// An empty base holds every name of its kind.
bool contains(const pki::NameConstraint& constraint, const pki::Identifier& identifier) {
  return constraint.text.empty() ? constraint.kind == identifier.kind() : constraint.contains(identifier);
}
bool touches(const pki::NameConstraint& constraint, const pki::Identifier& identifier) {
  return constraint.text.empty() ? constraint.kind == identifier.kind() : constraint.touches(identifier);
}

}  // namespace

Constraints read_constraints(const pki::Certificate& certificate) {
  Constraints constraints;
  const auto extension = find_extension(certificate.der(), kNameConstraints);
  if (!extension) return constraints;
  return base::within("name constraints of " + certificate.describe(), [&] {
    der::Reader lists(der::Reader(*extension).expect(der::kSequence).contents);
    if (const auto permitted = lists.next_if(der::context_constructed(0)))
      read_subtrees(permitted->contents, constraints.permitted, constraints.has_others);
    if (const auto excluded = lists.next_if(der::context_constructed(1)))
      read_subtrees(excluded->contents, constraints.excluded, constraints.has_others);
    lists.end();
    return constraints;
  });
}

std::optional<Refusal> check(const Constraints& constraints, std::string_view owner,
                             const pki::Identifier& identifier) {
  for (const pki::NameConstraint& excluded : constraints.excluded)
    if (touches(excluded, identifier))
      return Refusal{"name-constraints", fmt::format("identifier {}: excluded by the name constraint \"{}\" of {}",
                                                     identifier.text(), excluded.text, owner)};
  bool speaks_of_kind = false;
  for (const pki::NameConstraint& permitted : constraints.permitted) {
    if (contains(permitted, identifier)) return std::nullopt;
    speaks_of_kind = speaks_of_kind || permitted.kind == identifier.kind();
  }
  if (!speaks_of_kind) return std::nullopt;
  return Refusal{"name-constraints",
                 fmt::format("identifier {}: outside the permitted name constraints of {}", identifier.text(), owner)};
}

}  // namespace everseal::authority
