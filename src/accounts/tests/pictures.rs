//! Pictures: what is kept of them, what is refused before it is decoded, and who may see them.

use std::io::Cursor;

use bytes::Bytes;
use image::{GenericImageView, ImageFormat, Rgba, RgbaImage};

use super::*;
use crate::ids::{ChatId, PictureId, new_id};

const RED: Rgba<u8> = Rgba([220, 20, 20, 255]);
const BLUE: Rgba<u8> = Rgba([20, 20, 220, 255]);

fn file(picture: RgbaImage, format: ImageFormat) -> Vec<u8> {
    let picture = image::DynamicImage::from(picture);
    let picture = if format == ImageFormat::Jpeg { picture.into_rgb8().into() } else { picture };
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// The left half red, the right half blue.
fn halves(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, _| if x < width / 2 { RED } else { BLUE })
}

/// A PNG file whose header says another size than it has.
fn claims(width: u32, height: u32) -> Vec<u8> {
    sized(file(halves(4, 4), ImageFormat::Png), width, height)
}

fn sized(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&png[12..29]);
    png[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    png
}

/// A JPEG file with an Exif block: turned by a quarter to the right, and a secret.
fn turned(picture: RgbaImage) -> Vec<u8> {
    let jpeg = file(picture, ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(b"GPS 52.355 N 4.955 E");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl World {
    async fn upload(&self, user: UserId, file: &[u8]) -> Result<()> {
        self.accounts.set_picture(user, Bytes::copy_from_slice(file)).await
    }

    async fn picture_of(&self, who: &SignedIn) -> Option<PictureId> {
        Some(self.accounts.me(who.user, who.session).await.unwrap().profile.picture?.0)
    }

    /// What is kept of a file.
    async fn kept(&self, who: &SignedIn, file: &[u8]) -> (Bytes, image::DynamicImage) {
        self.upload(who.user, file).await.unwrap();
        let kept = self.accounts.picture(who.user, self.picture_of(who).await.unwrap()).await.unwrap();
        let picture = image::load_from_memory_with_format(&kept, ImageFormat::Jpeg).unwrap();
        (kept, picture)
    }
}

fn is_near(pixel: Rgba<u8>, colour: Rgba<u8>) -> bool {
    pixel.0.iter().zip(colour.0).all(|(a, b)| a.abs_diff(b) < 30)
}

#[tokio::test]
async fn of_a_picture_the_small_upright_middle_is_kept() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        for (format, width, height, side) in [
            (ImageFormat::Png, 900, 600, 512),
            (ImageFormat::Jpeg, 600, 900, 512),
            (ImageFormat::WebP, 300, 200, 200),
            (ImageFormat::Png, 1, 1, 1),
            (ImageFormat::Png, 2000, 1, 1),
        ] {
            let (kept, picture) = world.kept(&here, &file(halves(width, height), format)).await;
            assert_eq!(picture.dimensions(), (side, side), "{format:?}");
            assert!(kept.len() < 100_000 && kept.starts_with(&[0xff, 0xd8]));
        }
        let (kept, picture) = world.kept(&here, &turned(halves(200, 200))).await;
        assert!(is_near(picture.get_pixel(100, 20), RED) && is_near(picture.get_pixel(100, 180), BLUE), "upright");
        assert!(!has(&kept, b"Exif") && !has(&kept, b"GPS"), "nothing else of the file");
        let clear = RgbaImage::from_pixel(40, 40, Rgba([0, 0, 0, 0]));
        let (_, picture) = world.kept(&here, &file(clear, ImageFormat::Png)).await;
        assert!(is_near(picture.get_pixel(20, 20), Rgba([255, 255, 255, 255])), "on white");
        for tail in [&b"<script>alert(1)</script>"[..], b"PK\x03\x04", b"%PDF-1.7"] {
            for format in [ImageFormat::Jpeg, ImageFormat::Png] {
                let both = [file(halves(64, 64), format), tail.to_vec()].concat();
                let (kept, _) = world.kept(&here, &both).await;
                assert!(!has(&kept, tail), "two files in one become one");
            }
        }
    })
    .await;
}

/// What a decoded picture takes is bounded, not only how many pixels it has.
#[tokio::test]
async fn of_a_picture_with_16_bits_a_colour_half_as_many_pixels_are_taken() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        let deep = |width, height| {
            let picture = image::DynamicImage::from(halves(600, 600)).into_rgba16();
            let mut png = Cursor::new(Vec::new());
            image::DynamicImage::from(picture).write_to(&mut png, ImageFormat::Png).unwrap();
            sized(png.into_inner(), width, height)
        };
        let (_, picture) = world.kept(&here, &deep(600, 600)).await;
        assert_eq!(picture.dimensions(), (512, 512));
        assert!(is_near(picture.get_pixel(20, 256), RED) && is_near(picture.get_pixel(490, 256), BLUE));
        // 13 megapixels, as a header alone: refused for its size, not for what is missing.
        for (width, height, says) in [(4000, 3250, "at most 12 megapixels"), (4000, 3000, "cannot be read")] {
            let refused = world.upload(here.user, &deep(width, height)).await.unwrap_err();
            let detail = refused.data.unwrap()["fields"][0]["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(says), "{detail}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_changes_nothing() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        world.upload(here.user, &file(halves(30, 30), ImageFormat::Png)).await.unwrap();
        let before = world.picture_of(&here).await;
        let png = file(halves(300, 300), ImageFormat::Png);
        let jpeg = file(halves(300, 300), ImageFormat::Jpeg);
        let started = std::time::Instant::now();
        for (what, bytes) in [
            ("nothing", Vec::new()),
            ("a byte", vec![0xff]),
            ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec()),
            ("GIF", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
            ("HTML", b"<!doctype html><script>alert(1)</script>".to_vec()),
            ("ZIP", b"PK\x03\x04".to_vec()),
            ("half a PNG", png[..png.len() / 2].to_vec()),
            ("the start of a PNG", png[..20].to_vec()),
            ("the start of a JPEG", jpeg[..20].to_vec()),
            ("JPEG's first bytes", [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 500]].concat()),
            ("WebP's first bytes", [&b"RIFF\xff\xff\xff\x7fWEBPVP8 "[..], &[7; 500]].concat()),
            ("100 megapixels", claims(10_000, 10_000)),
            ("a bomb", claims(60_000, 60_000)),
            ("the largest bomb", claims(u32::MAX >> 1, u32::MAX >> 1)),
            ("no pixels", claims(0, 0)),
        ] {
            assert_eq!(fields(world.upload(here.user, &bytes).await), ["picture"], "{what}");
        }
        let large = world.upload(here.user, &claims(10_000, 10_000)).await.unwrap_err();
        assert!(large.data.unwrap()["fields"][0]["detail"].as_str().unwrap().contains("25 megapixels"));
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "nothing of it was decoded");
        assert_eq!(world.picture_of(&here).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_picture_is_seen_by_who_shares_a_chat_and_goes_with_its_successor() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.join("tom@uva.nl").await;
        world.join("eve@uva.nl").await;
        let (isa, tom, eve) =
            (world.sign_in(EMAIL).await, world.sign_in("tom@uva.nl").await, world.sign_in("eve@uva.nl").await);
        let (a, b, now) = (isa.user, tom.user, world.clock.now());
        world.upload(a, &file(halves(30, 30), ImageFormat::Png)).await.unwrap();
        let first = world.picture_of(&isa).await.unwrap();
        assert_eq!(code(world.accounts.picture(b, first).await), Code::NotFound);
        let committer = world.accounts.inner.committer.clone();
        let opened = committer
            .run(move |tx| Box::pin(async move { tx.open_pair(ChatId(new_id()), (a, b), 100, "match", now).await }));
        opened.await.unwrap();
        world.accounts.picture(b, first).await.expect("they share a chat");
        assert_eq!(code(world.accounts.picture(eve.user, first).await), Code::NotFound, "a stranger");
        assert_eq!(code(world.accounts.picture(a, PictureId(new_id())).await), Code::NotFound);

        let (one, two) = (file(halves(30, 30), ImageFormat::Png), file(halves(40, 40), ImageFormat::Png));
        let (first_done, second_done) = tokio::join!(world.upload(a, &one), world.upload(a, &two));
        first_done.and(second_done).unwrap();
        assert_eq!(world.held.number("SELECT COUNT(*) FROM pictures").await, 1, "of two at once one is left");
        assert_eq!(code(world.accounts.picture(a, first).await), Code::NotFound, "replaced");
        world.accounts.remove_picture(a).await.unwrap();
        world.accounts.remove_picture(a).await.expect("none is no error");
        assert_eq!((world.picture_of(&isa).await, world.held.number("SELECT COUNT(*) FROM pictures").await), (None, 0));
        let told = world.stream(a).await.into_iter().filter(|(kind, _)| kind == "profile").count();
        assert_eq!(told, 4);
    })
    .await;
}

/// A profile of two hundred megabytes in a file of two hundred kilobytes, and a picture that ends before its end.
#[tokio::test]
async fn what_is_packed_beside_the_pixels_is_never_unpacked() {
    everywhere(async |world| {
        use std::io::Write as _;
        world.join(EMAIL).await;
        let who = world.sign_in(EMAIL).await;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![0; 4 << 20]).unwrap();
        let data = [b"profile\0\0".to_vec(), packed.finish().unwrap()].concat();
        let chunk = [b"iCCP".to_vec(), data].concat();
        let mut sum = flate2::Crc::new();
        sum.update(&chunk);
        let length = u32::try_from(chunk.len() - 4).unwrap().to_be_bytes();
        let png = file(halves(8, 8), ImageFormat::Png);
        let bomb = [&png[..33], &length, &chunk, &sum.sum().to_be_bytes(), &png[33..]].concat();
        world.upload(who.user, &bomb).await.unwrap();
        let kept = super::super::pictures::critical_chunks(&bomb).unwrap();
        assert_eq!(kept, png, "the profile is gone before anything is decoded");

        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let whole = file(halves(64, 64), format);
            for cut in [whole.len() / 2, whole.len() - 1] {
                assert_eq!(
                    code(world.upload(who.user, &whole[..cut]).await),
                    Code::BadRequest,
                    "{format:?} cut at {cut}"
                );
            }
        }
    })
    .await;
}
