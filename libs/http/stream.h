#pragma once

// What a connection of the server reads from and writes to: TCP, or TLS over it. One step at a
// time, all on the connection's strand; Beast's operations take it for a stream of its own.

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tls/session.h"

namespace fate::http {

class Stream {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;
  using ErrorCode = boost::beast::error_code;

  explicit Stream(boost::asio::ip::tcp::socket socket) : tcp_(std::move(socket)) {}

  executor_type get_executor() { return tcp_.get_executor(); }
  boost::beast::tcp_stream& tcp() { return tcp_; }
  // Null in clear text.
  const tls::Session* session() const { return session_.get(); }

  // Nothing more will be sent. In TLS says goodbye, if the socket takes it at once: a client can
  // then tell an answer that ends with the connection from one that was cut off.
  void EndSending() {
    if (session_) {
      session_->SayGoodbye();
      const std::string goodbye = std::exchange(session_->unsent(), {});
      (void)send(tcp_.socket().native_handle(), goodbye.data(), goodbye.size(),
                 MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    ErrorCode ignored;
    tcp_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }

  // The server's side of a handshake. `done(absl::Status)`: kUnavailable, if it fails.
  template <class Done>
  void Handshake(std::unique_ptr<tls::Session> session, Done done) {
    session_ = std::move(session);
    StepOfHandshake(std::move(done));
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(ErrorCode, size_t)>(
        ReadSome<Buffers>{this, buffers}, token, tcp_);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(ErrorCode, size_t)>(
        WriteSome<Buffers>{this, buffers}, token, tcp_);
  }

 private:
  static constexpr size_t kPieceBytes = 32 << 10, kWriteBytes = 64 << 10;

  template <class Done>
  void StepOfHandshake(Done done) {
    const auto progress = session_->Handshake();
    out_ = std::exchange(session_->unsent(), {});
    if (out_.empty()) return AfterStep(progress, std::move(done));
    boost::asio::async_write(tcp_, boost::asio::buffer(out_),
                             [this, progress, done](ErrorCode, size_t) mutable {
                               AfterStep(progress, std::move(done));
                             });
  }
  template <class Done>
  void AfterStep(tls::Session::Progress progress, Done done) {
    if (progress == tls::Session::Progress::kDone) {
      Decrypt(0);  // what came right behind
      return done(absl::OkStatus());
    }
    if (progress == tls::Session::Progress::kFailed) return done(session_->failure());
    tcp_.async_read_some(boost::asio::buffer(in_), [this, done](ErrorCode error,
                                                                size_t size) mutable {
      if (error) {
        return done(absl::UnavailableError(session_->peer() + " left during the TLS handshake"));
      }
      session_->Receive({in_.data(), size});
      StepOfHandshake(std::move(done));
    });
  }

  // Makes plaintext of the first `size` bytes of in_.
  void Decrypt(size_t size) {
    std::string_view rest(in_.data(), size);
    for (size_t got = kPieceBytes; got == kPieceBytes; rest = {}) {
      const size_t before = plain_.size();
      plain_.resize(before + kPieceBytes);
      const iovec part{plain_.data() + before, kPieceBytes};
      got = session_->Decrypt(rest, &part, 1);
      plain_.resize(before + got);
    }
  }
  template <class Buffers>
  size_t TakePlain(const Buffers& buffers) {
    const size_t size = boost::asio::buffer_copy(buffers, boost::asio::buffer(plain_) + taken_);
    taken_ += size;
    if (taken_ == plain_.size()) plain_.clear(), taken_ = 0;
    return size;
  }
  // Takes bytes of `buffers` into out_, encrypted; 0: the connection is over.
  template <class Buffers>
  size_t Encrypt(const Buffers& buffers) {
    std::vector<iovec> parts;
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         at != boost::asio::buffer_sequence_end(buffers); ++at) {
      const boost::asio::const_buffer part = *at;
      parts.push_back({const_cast<void*>(part.data()), part.size()});
    }
    out_ = std::exchange(session_->unsent(), {});
    return session_->Encrypt(parts.data(), static_cast<int>(parts.size()), kWriteBytes, &out_);
  }

  template <class Buffers>
  struct ReadSome {
    Stream* stream;
    Buffers buffers;
    bool begun = false, waited = false;

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}, size_t size = 0) {
      Stream* const at = stream;
      if (!std::exchange(begun, true)) {
        if (!at->session_) {
          const Buffers into = buffers;
          return at->tcp_.async_read_some(into, std::move(self));
        }
        if (!at->plain_.empty()) return boost::asio::post(at->get_executor(), std::move(self));
        waited = true;
        return at->tcp_.async_read_some(boost::asio::buffer(at->in_), std::move(self));
      }
      if (error || !at->session_) return self.complete(error, size);
      if (waited) at->Decrypt(size);
      if (!at->plain_.empty()) return self.complete({}, at->TakePlain(buffers));
      if (at->session_->over()) return self.complete(boost::asio::error::eof, 0);
      waited = true;
      at->tcp_.async_read_some(boost::asio::buffer(at->in_), std::move(self));
    }
  };

  template <class Buffers>
  struct WriteSome {
    Stream* stream;
    Buffers buffers;
    size_t taken = 0;
    bool begun = false;

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}, size_t size = 0) {
      Stream* const at = stream;
      if (!std::exchange(begun, true)) {
        if (!at->session_) {
          const Buffers from = buffers;
          return at->tcp_.async_write_some(from, std::move(self));
        }
        taken = at->Encrypt(buffers);
        return boost::asio::async_write(at->tcp_, boost::asio::buffer(at->out_), std::move(self));
      }
      if (error || !at->session_) return self.complete(error, size);
      if (taken == 0 && boost::asio::buffer_size(buffers) > 0) {
        return self.complete(boost::asio::error::connection_aborted, 0);
      }
      self.complete({}, taken);
    }
  };

  boost::beast::tcp_stream tcp_;
  std::unique_ptr<tls::Session> session_;
  std::array<char, 16 << 10> in_;
  std::string out_, plain_;
  size_t taken_ = 0;  // of plain_
};

}  // namespace fate::http
