#include "tls/handshaker.h"

namespace fate::tls {

Handshaker::Handshaker() : thread_([this] { Run(); }) {}

Handshaker::~Handshaker() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Handshaker::Step(std::shared_ptr<Session> session,
                      std::function<void(Session::Progress)> done) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(session), std::move(done)});
  }
  wake_.notify_one();
}

void Handshaker::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    if (job.session.use_count() > 1) job.done(job.session->Handshake());
    job = {};
    lock.lock();
  }
}

}  // namespace fate::tls
