#include "bench/bare_acme.h"

#include <chrono>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace everseal::bench {
namespace {

void require(bool good) {
  if (!good) throw std::runtime_error("the bare ACME loop failed");
}

std::string base64url(std::string_view octets) {
  std::string text(octets.size() / 3 * 4 + 5, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(octets.data()), static_cast<int>(octets.size()));
  text.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  for (char& letter : text) letter = letter == '+' ? '-' : letter == '/' ? '_' : letter;
  return text;
}

// The first string that `key` has in `json` behind `from`; of a list its first.
std::string member(const std::string& json, std::string_view key, std::size_t from = 0) {
  const std::size_t at = json.find(fmt::format("\"{}\":", key), from);
  require(at != std::string::npos);
  const std::size_t begin = json.find('"', at + key.size() + 3) + 1;
  return json.substr(begin, json.find('"', begin) - begin);
}

std::string number_of(const BIGNUM* number) {
  std::string octets(32, '\0');
  require(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(octets.data()), 32) == 32);
  return octets;
}

std::string csr_for(const std::string& name) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509_REQ* const request = X509_REQ_new();
  X509_REQ_set_version(request, X509_REQ_VERSION_1);
  X509_REQ_set_pubkey(request, key);
  STACK_OF(X509_EXTENSION)* const extensions = sk_X509_EXTENSION_new_null();
  sk_X509_EXTENSION_push(extensions,
                         X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str()));
  X509_REQ_add_extensions(request, extensions);
  require(X509_REQ_sign(request, key, EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request, &der);
  require(size > 0);
  std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  X509_REQ_free(request);
  EVP_PKEY_free(key);
  return text;
}

std::string octets_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// By which renewal information is asked for.
std::string certificate_id(const std::string& chain) {
  BIO* const input = BIO_new_mem_buf(chain.data(), static_cast<int>(chain.size()));
  X509* const leaf = PEM_read_bio_X509(input, nullptr, nullptr, nullptr);
  require(leaf != nullptr);
  std::string serial = octets_of(X509_get0_serialNumber(leaf));
  if ((serial.front() & 0x80) != 0) serial.insert(0, 1, '\0');
  const std::string id = base64url(octets_of(X509_get0_authority_key_id(leaf))) + "." + base64url(serial);
  X509_free(leaf);
  BIO_free(input);
  return id;
}

}  // namespace

struct BareAcme::State {
  CURL* curl = curl_easy_init();
  EVP_PKEY* key = EVP_EC_gen("P-256");
  std::string ca_file;
  std::string directory, renewal_info;
  std::string account;  // "" before there is one
  std::string nonce, location, body;

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
    State& state = *static_cast<State*>(context);
    const std::string_view line(data, size - 2);
    if (line.starts_with("Replay-Nonce: ")) state.nonce = line.substr(14);
    if (line.starts_with("Location: ")) state.location = line.substr(10);
    return size;
  }
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
    static_cast<State*>(context)->body.append(data, size);
    return size;
  }

  void send(const std::string& url, const std::string* posted) {
    static curl_slist* const headers =
        curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/jose+json"), "Expect:");
    body.clear();
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "bare");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
    if (posted != nullptr) {
      curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(posted->size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, posted->c_str());
    }
    long status = 0;
    require(curl_easy_perform(curl) == CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300) throw std::runtime_error(fmt::format("the bare ACME loop at {}: {}", url, body));
  }

  std::string signature(const std::string& message) const {
    unsigned char der[80];
    std::size_t size = sizeof der;
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    require(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
            EVP_DigestSign(context, der, &size, reinterpret_cast<const unsigned char*>(message.data()),
                           message.size()) == 1);
    EVP_MD_CTX_free(context);
    const unsigned char* at = der;
    ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
    std::string raw = number_of(ECDSA_SIG_get0_r(pair)) + number_of(ECDSA_SIG_get0_s(pair));
    ECDSA_SIG_free(pair);
    return raw;
  }

  std::string jwk() const {
    std::string point(65, '\0');
    std::size_t size = 0;
    require(EVP_PKEY_get_octet_string_param(key, "pub", reinterpret_cast<unsigned char*>(point.data()), point.size(),
                                            &size) == 1);
    return fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})", base64url(point.substr(1, 32)),
                       base64url(point.substr(33)));
  }

  void post(const std::string& url, const std::string& payload) {
    const std::string who = account.empty() ? "\"jwk\":" + jwk() : fmt::format("\"kid\":\"{}\"", account);
    const std::string header =
        base64url(fmt::format(R"({{"alg":"ES256",{},"nonce":"{}","url":"{}"}})", who, nonce, url));
    const std::string text = base64url(payload);
    const std::string posted = fmt::format(R"({{"protected":"{}","payload":"{}","signature":"{}"}})", header, text,
                                           base64url(signature(header + "." + text)));
    send(url, &posted);
  }
};

BareAcme::BareAcme(const std::string& directory_url, const std::string& ca_file) : state_(new State) {
  State& state = *state_;
  state.ca_file = ca_file;
  state.send(directory_url, nullptr);
  state.directory = state.body;
  state.renewal_info = member(state.directory, "renewalInfo");
  while (state.renewal_info.ends_with('/')) state.renewal_info.pop_back();
  state.send(member(state.directory, "newNonce"), nullptr);
  state.post(member(state.directory, "newAccount"), R"({"termsOfServiceAgreed":true})");
  state.account = state.location;
}

BareAcme::~BareAcme() {
  curl_easy_cleanup(state_->curl);
  EVP_PKEY_free(state_->key);
  delete state_;
}

std::string BareAcme::certificate(const std::string& name) {
  State& state = *state_;
  state.post(member(state.directory, "newOrder"),
             fmt::format(R"({{"identifiers":[{{"type":"dns","value":"{}"}}]}})", name));
  const std::string order = state.location;
  const std::string finalize = member(state.body, "finalize");
  state.post(member(state.body, "authorizations"), "");
  const std::size_t http = state.body.find("\"http-01\"");
  const std::size_t begin = state.body.rfind('{', http);
  state.post(member(state.body, "url", begin), "{}");
  do state.post(order, "");
  while (member(state.body, "status") == "pending");
  state.post(finalize, fmt::format(R"({{"csr":"{}"}})", base64url(csr_for(name))));
  while (member(state.body, "status") == "processing") {
    // Pebble 2.10 hangs now and then when an order is asked for at the moment it is done.
    std::this_thread::sleep_for(std::chrono::microseconds(250));
    state.post(order, "");
  }
  state.post(member(state.body, "certificate"), "");
  std::string chain = state.body;
  state.send(fmt::format("{}/{}", state.renewal_info, certificate_id(chain)), nullptr);
  return chain;
}

}  // namespace everseal::bench
