#include "authority/sign.h"

#include "authority/ceremony.h"
#include "base/time.h"
#include "bench/baseline.h"
#include "bench/measure.h"
#include "fakes/temporary_directory.h"
#include "inventory/store.h"
#include "pki/csr.h"

#include <fmt/format.h>

namespace everseal::bench {
namespace {

std::vector<std::string> make_csrs(int count) {
  std::vector<std::string> csrs;
  for (int i = 0; i < count; ++i) {
    const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
    csrs.push_back(pki::csr_pem(pki::make_csr(
        {.subject = {}, .identifiers = {pki::Identifier::parse(fmt::format("host{}.example.org", i))}}, key)));
  }
  return csrs;
}

}  // namespace

void sign() {
  const fakes::TemporaryDirectory directory;
  const base::Time now = base::wall_clock();
  inventory::Store store = inventory::Store::create(directory / "state", now);
  authority::Ceremony wanted;
  wanted.name = base::Name::parse("bench");
  const base::Secret passphrase{std::string_view("correct horse battery staple")};
  authority::Passphrases passphrases;
  passphrases.root = &passphrase;
  authority::create_authority(store, wanted, passphrases, now);
  auto authority = authority::Authority::open(store, wanted.name, {});

  const int count = scaled(2'000);
  const std::vector<std::string> csrs = make_csrs(count);
  BareAuthority bare;
  const auto ours = [&](std::size_t group) {
    return static_cast<double>(count) / seconds([&] {
             for (std::size_t begin = 0; begin < csrs.size(); begin += group) {
               std::vector<authority::Request> requests;
               for (std::size_t i = begin; i < std::min(csrs.size(), begin + group); ++i)
                 requests.push_back({.profile = base::Name::parse("server"),
                                     .key = pki::Csr::parse(base::as_bytes(csrs[i])),
                                     .identifiers = {},
                                     .subject = {},
                                     .lifetime = {},
                                     .binding = {}});
               for (const auto& result : authority::sign_many(authority, requests, now))
                 if (result->leaf.pem().empty()) throw base::Error(base::Fault::internal, "no PEM");
             }
           });
  };
  const auto theirs = [&] {
    return static_cast<double>(count) / seconds([&] {
             for (const std::string& csr : csrs) bare.sign(csr);
           });
  };
  print_heading(fmt::format("signing {} prepared CSRs, P-256, certificates a second", count));
  const Pair grouped = in_turn(
      5, [&] { return ours(256); }, theirs);
  print({"durable, committed in groups of 256 : bare OpenSSL loop", grouped.ours, "/s", grouped.theirs, ">= 0.6x"});
  const Pair single = in_turn(
      3, [&] { return ours(1); }, theirs);
  print({"durable, one commit each : bare OpenSSL loop", single.ours, "/s", single.theirs});
}

}  // namespace everseal::bench
