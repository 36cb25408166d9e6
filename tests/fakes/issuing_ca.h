// A CA that signs whatever it is asked for: an issuer for tests that have none of their own.
#pragma once

#include "base/file.h"
#include "base/process.h"
#include "fakes/temporary_directory.h"
#include "pki/certificate.h"
#include "pki/digest.h"
#include "pki/issuance.h"
#include "pki/key.h"
#include "pki/name.h"
#include "pki/pem.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace everseal::fakes {

class IssuingCa {
 public:
  IssuingCa() {
    write("ca.cnf", "[ca]\ndefault_ca=it\n[it]\ndatabase=" + (directory_ / "index.txt") +
                        "\ncrlnumber=" + (directory_ / "number") + "\ndefault_md=sha256\ndefault_crl_days=7\n");
    write("index.txt", "");
    write("number", "01\n");
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             directory_ / "ca.key", "-out", directory_ / "ca.pem", "-subj", "/CN=Test CA", "-days", "30"});
  }

  pki::Certificate certificate() const { return read("ca.pem").front(); }

  // Leaf first, then this CA. A key gets its certificate once; asked again, the same one comes back.
  std::vector<pki::Certificate> issue(const base::Secret& key_pem, const std::string& name = "www.example.org") {
    const auto key = pki::PrivateKey::parse(key_pem);
    const std::string id = pki::fingerprint(key.public_key_info()).text().substr(0, 16);
    if (!std::filesystem::exists(directory_ / (id + ".pem"))) {
      const base::Time now = base::wall_clock();
      const auto ca = certificate();
      const auto ca_key = pki::PrivateKey::parse(base::Secret(base::read_file(directory_ / "ca.key", 1 << 16)));
      pki::Template wanted;
      wanted.serial = pki::random_serial();
      wanted.identifiers = {pki::Identifier::parse(name)};
      wanted.public_key_info = key.public_key_info();
      wanted.not_before = now - std::chrono::hours(1);
      wanted.not_after = now + std::chrono::hours(240);
      wanted.key_usage = {"digitalSignature"};
      wanted.extended_key_usage = {"serverAuth"};
      write("new.pem", pki::pem("CERTIFICATE", pki::sign_certificate(wanted, &ca, ca_key)));
      std::filesystem::rename(directory_ / "new.pem", directory_ / (id + ".pem"));
    }
    auto chain = read(id + ".pem");
    chain.push_back(certificate());
    return chain;
  }

  base::Bytes crl() const {
    openssl({"ca", "-config", directory_ / "ca.cnf", "-gencrl", "-keyfile", directory_ / "ca.key", "-cert",
             directory_ / "ca.pem", "-out", directory_ / "crl.pem"});
    openssl({"crl", "-in", directory_ / "crl.pem", "-outform", "DER", "-out", directory_ / "crl.der"});
    return base::read_file(directory_ / "crl.der", 1 << 20);
  }

  // How many certificates there are, whichever process asked for them.
  int count() const {
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      if (entry.path().extension() == ".pem" && entry.path().stem().string().size() == 16) ++found;
    return found;
  }

 private:
  static void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const base::Exit exit = base::run({.argv = std::move(arguments)});
    if (!exit.success()) throw std::runtime_error("openssl " + base::describe(exit) + "\n" + exit.errors);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream file(directory_ / name);
    file << text;
    if (!file.flush()) throw std::runtime_error("cannot write " + name);
  }
  std::vector<pki::Certificate> read(const std::string& name) const {
    return pki::Certificate::parse_all(base::read_file(directory_ / name, 1 << 20));
  }

  TemporaryDirectory directory_;
};

}  // namespace everseal::fakes
