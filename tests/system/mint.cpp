#include "system/mint.h"

#include "base/handle.h"
#include "pki/der.h"
#include "pki/openssl.h"

#include <cctype>
#include <filesystem>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/bn.h>

namespace everseal::system {

Mint::Mint(const Site& its_site)
    : site(its_site),
      root_file_(site / "mint-root.pem"),
      issuing_file_(site / "mint-issuing.pem"),
      issuing_key_file_(site / "mint-issuing.key") {
  write_text(root_file_, root.certificate.pem());
  write_text(issuing_file_, issuing.certificate.pem());
  write_text(issuing_key_file_, std::string(issuing.key.pem().reveal_text()), 0600);
}

pki::Template Mint::wanted() const {
  pki::Template made = pki::testing::server_template(kServed, key);
  made.not_before = pki::testing::kNow - pki::testing::kDay;
  made.not_after = made.not_before + 89 * pki::testing::kDay;
  return made;
}

pki::Template Mint::ending(base::Seconds left, base::Seconds life) const {
  pki::Template made = wanted();
  made.not_after = pki::testing::kNow + left;
  made.not_before = made.not_after - life;
  return made;
}

std::string Mint::serve(const std::string& name, const std::vector<pki::Certificate>& chain,
                        const base::Secret& its_key) const {
  const std::string directory = site / name;
  std::filesystem::create_directories(directory);
  write_text(directory + "/fullchain.pem", pki::testing::pem_of(chain));
  write_text(directory + "/chain.pem", pki::testing::pem_of({chain.begin() + 1, chain.end()}));
  write_text(directory + "/privkey.pem", std::string(its_key.reveal_text()), 0600);
  return directory;
}

std::string Mint::ocsp_response(const std::string& name, const pki::Certificate& leaf, Said said) const {
  const std::string file = site / (name + ".ocsp");
  std::string serial = leaf.serial();
  for (char& c : serial) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto time = [](base::Time at) { return fmt::format("{:%y%m%d%H%M%S}Z", at); };
  write_text(
      file + ".index",
      fmt::format("{}\t{}\t{}\t{}\tunknown\t/CN=leaf\n", said == Said::revoked ? 'R' : 'V', time(leaf.not_after()),
                  said == Said::revoked ? time(pki::testing::kNow - base::Seconds(3600)) : "", serial));
  write_text(file + ".pem", leaf.pem());
  run_or_fail({"openssl", "ocsp", "-index", file + ".index", "-CA", issuing_file_, "-rsigner", issuing_file_, "-rkey",
               issuing_key_file_, "-issuer", issuing_file_, "-cert", file + ".pem", "-respout", file, "-ndays", "7",
               "-noverify"});
  return file;
}

base::Bytes key_of_close_primes() {
  using Number = base::Handle<BIGNUM, BN_free>;
  const base::Handle<BN_CTX, BN_CTX_free> context(BN_CTX_new());
  const auto number = [] { return Number(BN_new()); };
  const Number e = number(), p = number(), q = number(), n = number(), p1 = number(), q1 = number(), phi = number();
  const Number d = number(), dp = number(), dq = number(), inverse = number();
  BN_set_word(e.get(), 65537);
  BN_generate_prime_ex(q.get(), 1024, 0, nullptr, nullptr, nullptr);
  BN_copy(p.get(), q.get());
  do BN_add_word(p.get(), 2);
  while (BN_check_prime(p.get(), context.get(), nullptr) != 1);
  BN_mul(n.get(), p.get(), q.get(), context.get());
  BN_sub(p1.get(), p.get(), BN_value_one());
  BN_sub(q1.get(), q.get(), BN_value_one());
  BN_mul(phi.get(), p1.get(), q1.get(), context.get());
  BN_mod_inverse(d.get(), e.get(), phi.get(), context.get());
  BN_mod(dp.get(), d.get(), p1.get(), context.get());
  BN_mod(dq.get(), d.get(), q1.get(), context.get());
  BN_mod_inverse(inverse.get(), q.get(), p.get(), context.get());
  const auto octets = [](const Number& one) {
    base::Bytes made(static_cast<std::size_t>(BN_num_bytes(one.get())));
    BN_bn2bin(one.get(), made.data());
    return made;
  };
  pki::der::Writer key;
  key.nest(pki::der::kSequence, [&] {
    key.unsigned_integer(base::Bytes{});
    for (const Number* const one : {&n, &e, &d, &p, &q, &dp, &dq, &inverse}) key.unsigned_integer(octets(*one));
  });
  return std::move(key).take();
}

}  // namespace everseal::system
