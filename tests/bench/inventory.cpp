#include "base/error.h"
#include "base/time.h"
#include "bench/bare_sql.h"
#include "bench/site.h"
#include "inventory/certificates.h"
#include "inventory/store.h"
#include "pki/issuance.h"
#include "pki/key.h"
#include "report/report.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

namespace everseal::bench {
namespace {

using base::Time;

constexpr std::size_t kBatch = 10'000;
constexpr report::Column kColumns[] = {{"identifiers", ""}, {"issuer", ""},    {"key", ""},
                                       {"not_before", ""},  {"not_after", ""}, {"subject", ""},
                                       {"issuer_dn", ""},   {"serial", ""},    {"fingerprint", ""}};
constexpr std::string_view kName = "bench0000000.example.org";

// One signed certificate whose name and end are written over: the inventory checks no signature.
class Mill {
 public:
  explicit Mill(Time now) {
    const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
    pki::Template wanted;
    wanted.serial = pki::random_serial();
    wanted.subject = pki::DistinguishedName::parse("CN=Bench");
    wanted.identifiers = {pki::Identifier::parse(kName)};
    wanted.public_key_info = key.public_key_info();
    wanted.not_before = now - std::chrono::hours(1);
    wanted.not_after = now + std::chrono::days(1);
    wanted.key_usage = {"digitalSignature"};
    wanted.extended_key_usage = {"serverAuth"};
    der_ = pki::sign_certificate(wanted, nullptr, key);
    end_ = find(utc(wanted.not_after));
    for (std::size_t at = find(kName); at != der_.size(); at = find(kName, at + 1)) names_.push_back(at);
  }

  pki::Certificate make(int number, Time end) {
    put(end_, utc(end));
    for (const std::size_t at : names_) put(at + 5, fmt::format("{:07}", number));
    return pki::Certificate::parse(der_);
  }

 private:
  static std::string utc(Time time) {  // UTCTime of RFC 5280, 4.1.2.5.1
    std::string text = base::format_time(time).substr(2);
    std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'T'; });
    return text;
  }
  std::size_t find(std::string_view text, std::size_t from = 0) const {
    return base::as_text(der_).find(text, from) == std::string_view::npos ? der_.size()
                                                                          : base::as_text(der_).find(text, from);
  }
  void put(std::size_t at, const std::string& text) {
    std::ranges::copy(text, der_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  base::Bytes der_;
  std::size_t end_ = 0;
  std::vector<std::size_t> names_;
};

double import(inventory::Store& store, int count, Time now) {
  Mill mill(now);
  std::mt19937 random(1);
  double spent = 0;
  for (int begin = 0; begin < count; begin += static_cast<int>(kBatch)) {
    std::vector<pki::Certificate> batch;
    for (int i = begin; i < std::min(count, begin + static_cast<int>(kBatch)); ++i)
      batch.push_back(
          mill.make(i, now + std::chrono::days(1 + random() % 730) + std::chrono::seconds(random() % 86400)));
    spent += seconds([&] { inventory::Certificates(store).add(batch, now); });
  }
  return count / spent;
}

}  // namespace

void inventory() {
  const int count = scaled(1'000'000);
  const Site site;
  const Time now = base::wall_clock();
  inventory::Store store = inventory::Store::create(site.state(), now);
  site.everseal({"init"});
  print_heading(fmt::format("an inventory of {} certificates", count));
  const double rate = import(store, count, now);
  const std::string file = site.state() + "/everseal.db";
  const BareSql bare(file);
  print({"import, certificates a second : bare SQLite, same rows and indexes", rate, "/s",
         bare.copy_rate(site / "copy.db")});

  inventory::Certificates certificates(store);
  std::size_t rows = 0;
  const auto each = [&](const inventory::CertificateFilter& filter) {
    return seconds([&] {
             rows = 0;
             certificates.each(filter, [&](const inventory::CertificateRecord&) { ++rows; });
           }) *
           1e3;
  };
  const auto process = [&](std::vector<std::string> words) {
    return [argv = site.command(std::move(words))] { return run(argv).wall * 1e3; };
  };
  const auto compare = [&](const std::string& what, const std::function<double()>& inside,
                           std::vector<std::string> words, const std::function<double()>& sql) {
    const Pair in_process = in_turn(7, inside, sql);
    print({what + ", in process", in_process.ours, "ms", in_process.theirs, "< 3x"});
    const Pair whole = in_turn(7, process(std::move(words)), sql);
    print({what + ", whole process", whole.ours, "ms", whole.theirs});
  };

  inventory::CertificateFilter expiring;
  expiring.now = now;
  expiring.expires_before = now + std::chrono::days(30);
  compare(
      "list --seen --expiring 30d --json", [&] { return each(expiring); },
      {"list", "--seen", "--expiring", "30d", "--json"},
      [&] { return bare.expiring(base::to_unix(now), base::to_unix(*expiring.expires_before)) * 1e3; });
  print({"  rows", static_cast<double>(rows), ""});

  inventory::CertificateFilter named;
  named.name = fmt::format("bench{:07}.example.org", count / 2);
  pki::Fingerprint fingerprint;
  certificates.each(named, [&](const inventory::CertificateRecord& record) { fingerprint = record.fingerprint; });
  compare(
      "list --name", [&] { return each(named); }, {"list", "--name", named.name, "--json"},
      [&] { return bare.named(fmt::format("org.example.bench{:07}", count / 2)) * 1e3; });
  compare(
      "show FINGERPRINT", [&] { return seconds([&] { certificates.find(fingerprint); }) * 1e3; },
      {"show", fingerprint.text(), "--json"}, [&] { return bare.fingerprint(fingerprint.text()) * 1e3; });
}

}  // namespace everseal::bench
