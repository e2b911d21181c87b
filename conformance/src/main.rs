//! tmp
fn main() {
    m2m_conformance::schema::write(std::path::Path::new("schemas")).unwrap();
}
