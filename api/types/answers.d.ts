// What the API answers, written from its OpenAPI document. After a change:
// python -m tests.support.answer_types > api/types/answers.d.ts

export interface Job {
  id: string;
  url: string;
  application: string;
  status: JobStatus;
  priority: Priority;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  deadline_at: string | null;
  attempt: number;
  batch_id: string | null;
  detector: Detector | null;
  min_face_px: number | null;
  photo: Photo;
  faces: Array<Face>;
  face_count: number | null;
  annotated_url: string | null;
  timings_ms: Record<string, number> | null;
  error: JobError | null;
}

export type JobStatus = "queued" | "running" | "succeeded" | "failed" | "canceled";

export type Priority = "interactive" | "bulk";

export type Detector = "blazeface" | "hog" | "cnn" | "mtcnn" | "yunet";

export interface Photo {
  filename: string | null;
  source_url: string | null;
  media_type: string | null;
  bytes: number | null;
  sha256: string | null;
  width: number | null;
  height: number | null;
  url: string | null;
  available_until: string | null;
}

export interface Face {
  id: string;
  bounding_box: BoundingBox;
  detector: Detector;
  detection_score: number;
  detection_threshold: number | null;
  runtime: string | null;
  emotion: Emotion;
  confidence: number;
  margin: number;
  second_emotion: Emotion;
  second_probability: number;
  uncertain: boolean;
  probabilities: Probabilities;
  vote_shares: Probabilities | null;
  ambiguity: number | null;
  conditions: Array<FaceCondition>;
  landmarks: Array<FaceLandmark> | null;
  pose: Pose | null;
  quality: FaceQuality | null;
  usable: boolean | null;
  unusable_reasons: Array<UnusableReason> | null;
  model_version: number;
  crop_url: string;
}

export interface JobError {
  code: string;
  detail: string;
}

export interface BoundingBox {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Emotion = "angry" | "disgusted" | "fearful" | "happy" | "neutral" | "sad" | "surprised";

export interface Probabilities {
  angry: number;
  disgusted: number;
  fearful: number;
  happy: number;
  neutral: number;
  sad: number;
  surprised: number;
}

export type FaceCondition = "small" | "dark" | "blurred" | "covered";

export interface FaceLandmark {
  name: Landmark;
  x: number;
  y: number;
}

export interface Pose {
  roll_deg: number | null;
  yaw_deg: number | null;
}

export interface FaceQuality {
  size_px: number;
  sharpness: number;
  brightness: number;
  inside_share: number;
}

export type UnusableReason = "small" | "dark" | "bright" | "blurred" | "covered" | "turned_away" | "cut_off";

export type Landmark = "left_eye" | "right_eye" | "nose" | "mouth" | "left_ear" | "right_ear" | "left_mouth_corner" | "right_mouth_corner";
